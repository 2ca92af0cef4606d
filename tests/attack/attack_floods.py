#!/usr/bin/env python3
"""Floods every socket of a node from a process that may call there, and prints TAP and a table of what each service took.

While a flood is held another process of the same user asks: it must be answered, and the service must keep to the bounds
that are printed beside what it took. The controls flood an nng socket that nobody guards. Needs root, as attack.py.

usage: attack_floods.py BIN_FOLDER PROBE
"""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

import attack
import harness
import programs
from attack import ATTEMPT, CONTROL, User, row

CONNECTIONS, MIB = 1000, 1 << 20
KINDS = ("half handshakes", "handshakes", "half messages")
# A process for each connection, of which none has most.
MANY, MANY_PROCESSES = "handshakes of many", 200
# Four processes that connect and hang up as fast as they can.
CHURN = "comings and goings"
# Beside its message each connection has its places in nng and in the heap; and a heap is never quite full.
CONNECTION_BYTES, SLACK_BYTES, SLACK_DESCRIPTORS = 64 * 1024, 24 * MIB, 16


def roles_of_protocol():
    """role -> (its caller, connections of one user, bytes of the largest request): docs/protocol.md, and the one of events."""
    with open(os.path.join(attack.HERE, "..", "..", "docs", "protocol.md")) as file:
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in file if line.startswith("| ")]
    sizes = {}
    for row_cells in cells:
        if len(row_cells) == 6 and row_cells[3].isdigit():
            sizes[row_cells[2]] = max(sizes.get(row_cells[2], 0), int(row_cells[3]))
    roles = {role: (callers.split(",")[0], int(connections), sizes.get(role) or sizes["*/status"])
             for role, callers, connections in (found for found in cells if len(found) == 3) if connections.isdigit()}
    return {**roles, "stored/events": ("leased", *roles["stored/status"][1:])}


ROLES = roles_of_protocol()

FLOOD = r"""
import os, resource, signal, socket, struct, sys
path, kind, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
hello = b"\0SP\0\0\x30\0\0" if not path.endswith("/events/sock") else b"\0SP\0\0\x21\0\0"
first = {"half handshakes": hello[:3], "half messages": hello + b"\1" + struct.pack(">Q", size)}.get(kind, hello)
kept = []
def send(peer, data):
    try:
        return peer.send(data)
    except OSError:
        return 0
there, here = os.pipe()
for _ in range(count):
    if kind == "handshakes of many" and os.fork():
        os.read(there, 1)
        continue
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    peer.setblocking(False)
    send(peer, first)
    kept.append(peer)
    if kind == "handshakes of many":
        os.write(here, b"!")
        signal.pause()
if kind == "comings and goings":
    print("held", flush=True)
    os.fork(), os.fork()
    while True:
        for peer in kept:
            peer.close()
        kept = [socket.socket(socket.AF_UNIX) for _ in range(8)]
        for peer in kept:
            peer.connect(path)
# As much as they take of a message but its end.
left = dict.fromkeys(kept if kind == "half messages" else (), size - 1)
for _ in range(20):
    for peer in left:
        left[peer] -= send(peer, bytes(left[peer]))
print("held", flush=True)
sys.stdin.read()
"""

# A REP socket of nng's as it comes, with the message size of leased/runner.
UNGUARDED = r"""
import ctypes, sys
nng = ctypes.CDLL("libnng.so.1")
class Socket(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint32)]
server = Socket()
assert nng.nng_rep0_open(ctypes.byref(server)) == 0
assert nng.nng_socket_set_size(server, b"recv-size-max", ctypes.c_size_t(1 << 20)) == 0
assert nng.nng_listen(server, ("ipc://" + sys.argv[1]).encode(), None, 0) == 0
print("ready", flush=True)
sys.stdin.read()
"""


def in_python(script, *arguments, **options):
    return subprocess.Popen(["/usr/bin/python3", "-c", script, *map(str, arguments)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, **options)


@contextlib.contextmanager
def flood(user, path, kind, size):
    count = MANY_PROCESSES if kind == MANY else CONNECTIONS
    process = in_python(FLOOD, path, kind, count, size, start_new_session=True, **user.arguments())
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


# --- what a service took ---

class Usage:
    """The most memory and descriptors that a process has had since the flood began, and what it had before."""
    before = {}

    def __init__(self, pid):
        self.pid, self.descriptors = pid, 0
        with open(f"/proc/{pid}/clear_refs", "w") as file:
            file.write("5")
        # A heap keeps what it once had.
        self.base_bytes, self.base_descriptors = self.bytes(), self.before.setdefault(pid, self.look())
        # nng drops the last flood's half handshakes by and by.
        programs.wait_until(lambda: self.look() <= self.base_descriptors + SLACK_DESCRIPTORS, "the flood before is gone")
        self.descriptors = 0

    def bytes(self):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))

    def look(self):
        now = len(os.listdir(f"/proc/{self.pid}/fd"))
        self.descriptors = max(self.descriptors, now)
        return now


def hold(process, usage):
    """Until the flood has all its connections, the service watched meanwhile."""
    os.set_blocking(process.stdout.fileno(), False)
    programs.wait_until(lambda: usage.look() and process.stdout.readline(), "the flood is there")


# --- the other caller ---

def answered(user, path):
    """How long another process of this user waits for an answer, dialing again as ours do; None when it gets none."""
    began = time.monotonic()
    while time.monotonic() - began < programs.PATIENCE_SECS:
        if b"message" in attack.ask(user, path, {"message": "status_get"}):
            return time.monotonic() - began
    return None


def bounds_of(usage, roles):
    """(bytes, descriptors): hung up on, a connection has its descriptor until nng closes it."""
    limits = [ROLES[role][1:] for role in roles]
    return (usage.base_bytes + sum(connections * (size + CONNECTION_BYTES) for connections, size in limits) + SLACK_BYTES,
            usage.base_descriptors + 2 * sum(connections for connections, _ in limits) + SLACK_DESCRIPTORS)


def attempt(node, users, roles, kind, table):
    """Floods these sockets of one service at once."""
    service, where = roles[0].partition("/")[0], roles[0] if len(roles) == 1 else "all of " + roles[0].partition("/")[0]
    usage = Usage(node.pid(service))
    with contextlib.ExitStack() as floods:
        for role in roles:
            caller, _, size = ROLES[role]
            hold(floods.enter_context(flood(users[caller], f"{node.runtime}/{role}/sock", kind, size)), usage)
        for role in roles:
            if role.endswith("/events"):
                continue  # who listens there is not answered
            user = users[ROLES[role][0]]
            waited = answered(user, f"{node.runtime}/{role}/sock")
            row(ATTEMPT, user.name, f"{kind} at {where}: another caller of {role}", waited is not None,
                "never answered" if waited is None else f"answered after {waited * 1000:.0f} ms")
        usage.look()
    bytes_max, descriptors_max = bounds_of(usage, roles)
    took = (f"{usage.bytes() / MIB:.0f} of {bytes_max / MIB:.0f} MiB, "
            f"{usage.descriptors} of {descriptors_max} descriptors")
    row(ATTEMPT, "all", f"{kind} at {where}: its service", usage.bytes() <= bytes_max and usage.descriptors <= descriptors_max,
        took)
    table.append(f"# {where:16} {kind:18} {took}")


def descriptors_suffice(node):
    """A flood of all its sockets leaves a service descriptors for its work."""
    for service in programs.SERVICES:
        needed = sum(2 * connections for role, (_, connections, _) in ROLES.items() if role.startswith(service + "/"))
        with open(f"/proc/{node.pid(service)}/limits") as file:
            limit = int(next(line for line in file if line.startswith("Max open files")).split()[3])
        row(ATTEMPT, "all", f"descriptors of {service}", limit > needed + 256, f"{limit} for {needed} connections and its work")


def control(kind):
    """Without the bound a flood takes every descriptor, and the memory that its messages declare."""
    root = User("root", 0, 0, [])
    with tempfile.TemporaryDirectory(prefix="pm-flood.", dir="/tmp") as folder:
        path = folder + "/sock"
        server = in_python(UNGUARDED, path)
        try:
            assert server.stdout.readline() == "ready\n"
            usage = Usage(server.pid)
            with flood(root, path, kind, MIB) as process:
                hold(process, usage)
                programs.wait_until(lambda: usage.look() > 9 * CONNECTIONS // 10, "the server has accepted them")
                big = usage.base_bytes + (CONNECTIONS * MIB // 8 if kind == "half messages" else 0)
                programs.wait_until(lambda: usage.bytes() > big, "the server has begun to read")
            row(CONTROL, root.name, f"{kind} at a socket that nobody guards", True,
                f"{usage.bytes() / MIB:.0f} MiB, {usage.descriptors} descriptors")
        finally:
            server.kill()
            server.communicate()


def run_all():
    devnet = harness.Network()
    node = harness.Node(devnet.env, POSEMESH_UID_BASE="72000")
    table = []
    try:
        for kind in KINDS:
            control(kind)
        node.start()
        users = {service: User.of_process(service, node.pid(service)) for service in programs.SERVICES}
        users["posemesh-node"] = User("root", 0, 0, [])
        pids = {service: node.pid(service) for service in programs.SERVICES}
        descriptors_suffice(node)
        for kind in KINDS:
            for role in ROLES:
                attempt(node, users, [role], kind, table)
        for role in ("authd/token", "leased/runner"):
            attempt(node, users, [role], MANY, table)
        for role in ("authd/token", "leased/runner", "stored/runner"):
            attempt(node, users, [role], CHURN, table)
        for service in programs.SERVICES:
            attempt(node, users, [role for role in ROLES if role.startswith(service + "/")], "half messages", table)
        row(ATTEMPT, "all", "no service was started again", pids == {service: node.pid(service) for service in programs.SERVICES},
            "none")
        shown = devnet.run(["write", "after.json", 5])
        row(ATTEMPT, "all", "the node still works", shown["status"] == "completed", shown["status"])
        node.check_end()
    finally:
        node.remove()
        devnet.stop()
    print("#\n# socket           flood              its service took\n" + "\n".join(table))


if __name__ == "__main__":
    sys.exit(attack.main(run_all))
