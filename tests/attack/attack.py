#!/usr/bin/env python3
"""Attacks authd's secrets as every other user of the node would, and prints TAP and a table.

Each trick is first made against a dummy of the attacker's own user that protects nothing: there it must succeed, or the
trick is worth nothing. Against authd and posemesh-node it must be refused. Needs root, for users of their own; without it
every row is skipped, which counts as failed where CI is set.

usage: attack.py BIN_FOLDER PROBE
"""
import collections
import contextlib
import http.client
import json
import os
import resource
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
BIN_FOLDER, PROBE = (os.path.abspath(path) for path in sys.argv[1:3])
os.environ["POSEMESH_BIN_DIR"] = BIN_FOLDER
sys.path[:0] = [os.path.join(HERE, "..", "integration"), os.path.join(HERE, "..", "devnet_tests")]
import attack_quotes  # noqa: E402
import harness  # noqa: E402
import programs  # noqa: E402
import attack_inbound  # noqa: E402
import attack_registration  # noqa: E402

PROCESS_TRICKS = ("environ", "cmdline", "maps", "mem", "fd", "process_vm_readv", "ptrace", "pidfd_getfd", "core")
HARMLESS_TO_DUMMY = tuple(trick for trick in PROCESS_TRICKS if trick != "core")
JOB_CAPABILITY = "/test/attack/v1"
CONTROL, ATTEMPT = "control", "attempt"

rows = []


def row(kind, attacker, what, ok, how):
    rows.append((kind, attacker, what, ok, how))
    line = f"{'ok' if ok else 'not ok'} {len(rows)} - {kind}: {attacker}: {what}: {how}"
    print("".join(c if c.isprintable() else "?" for c in line), flush=True)


class User:
    """Who attacks: the ids of one of the node's processes, its groups included."""

    def __init__(self, name, uid, gid, groups):
        self.name, self.uid, self.gid, self.groups = name, uid, gid, groups

    @classmethod
    def of_process(cls, name, pid):
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
        groups = [int(group) for group in fields["Groups"].split()]
        return cls(name, int(fields["Uid"].split()[0]), int(fields["Gid"].split()[0]), groups)

    def arguments(self):
        return {"user": self.uid, "group": self.gid, "extra_groups": self.groups}

    def attempt(self, trick, target, secret):
        """(whether it succeeded, how it went)."""
        done = subprocess.run([PROBE, trick, str(target), secret], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=60, env={}, **self.arguments())
        return done.returncode == 0, done.stdout.strip() or ("it succeeded" if done.returncode == 0 else
                                                             f"exit status {done.returncode}")


# --- the dummy: the same secret, no protection ---

DUMMY = r"""
import os, socket, sys
secret, folder = os.environ["SECRET"], sys.argv[1]
kept = bytearray(secret.encode())
memory = os.memfd_create("secret")
os.write(memory, kept)
server = socket.socket(socket.AF_UNIX)
server.bind(folder + "/sock")
os.chmod(folder + "/sock", 0o666)
server.listen(64)
with open(folder + "/secret", "w") as file:
    file.write(secret)
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def dummy(user, secret):
    with tempfile.TemporaryDirectory(prefix="pm-dummy.", dir="/tmp") as folder:
        os.chown(folder, user.uid, user.gid)
        os.chmod(folder, 0o755)
        process = subprocess.Popen(["/usr/bin/python3", "-c", DUMMY, folder, secret], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, env={"SECRET": secret}, cwd=folder,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)),
                                   **user.arguments())
        assert process.stdout.readline() == "ready\n"
        try:
            yield process, folder
        finally:
            process.kill()
            process.wait()


def controls(user):
    """Every trick against a dummy of the attacker's own user."""
    secret = secrets.token_hex(32)
    with dummy(user, secret) as (process, folder):
        for trick in HARMLESS_TO_DUMMY:
            row(CONTROL, user.name, trick, *user.attempt(trick, process.pid, secret))
        row(CONTROL, user.name, "a secret's file", *user.attempt("file", folder + "/secret", secret))
        row(CONTROL, user.name, "a socket", *user.attempt("socket", folder + "/sock", secret))
        row(CONTROL, user.name, "core", *user.attempt("core", process.pid, secret))
        status = process.wait(20)
        row(CONTROL, user.name, "the dummy dies of it", status == -signal.SIGQUIT, f"status {status}")


# --- attempts ---

def refused(user, what, outcome):
    succeeded, how = outcome
    row(ATTEMPT, user.name, what, not succeeded, how)


def attack_processes(user, node):
    for name, pid in (("authd", node.pid("authd")), ("posemesh-node", node.process.pid)):
        for trick in PROCESS_TRICKS:
            refused(user, f"{trick} of {name}", user.attempt(trick, pid, node.key))


def attack_sockets(user, node):
    """The roles of authd that are not this user's, by their folders' modes."""
    roles = {"token": "leased", "callback": "httpd"}
    for role, caller in roles.items():
        if user.name != caller:
            path = f"{node.runtime}/authd/{role}/sock"
            refused(user, f"socket authd/{role}", user.attempt("socket", path, node.key))


def attack_files(user, node):
    for name in ("wallet-key", "reg-secret"):
        refused(user, f"file of {name}", user.attempt("file", os.path.join(node.folder, name), node.key))


def job_attempts(node):
    """(what, trick, target) that a job has to fail at."""
    targets = {"authd": node.pid("authd"), "posemesh-node": node.process.pid}
    sockets = ("authd/token", "authd/callback", "stored/session", "leased/control")
    return [*((f"{trick} of {name}", trick, str(pid)) for name, pid in targets.items() for trick in PROCESS_TRICKS),
            *((f"socket {role}", "socket", f"{node.runtime}/{role}/sock") for role in sockets),
            *((f"file of {name}", "file", os.path.join(node.folder, name)) for name in ("wallet-key", "reg-secret"))]


def attack_as_authd(node):
    """Not even a process of authd's own user reads it: it is undumpable. (That user may signal it.)"""
    user = User.of_process("authd's uid", node.pid("authd"))
    controls(user)
    for trick in HARMLESS_TO_DUMMY:
        refused(user, f"{trick} of authd", user.attempt(trick, node.pid("authd"), node.key))


def processes_are_powerless(node):
    """Nothing of root is left to a service, whatever its uid."""
    for service in programs.SERVICES:
        with open(f"/proc/{node.pid(service)}/status") as file:
            fields = {key: value.strip() for key, _, value in (line.partition(":") for line in file)}
        for field, right in (("CapEff", "0" * 16), ("CapPrm", "0" * 16), ("NoNewPrivs", "1"), ("Seccomp", "2")):
            row(ATTEMPT, "root", f"{field} of {service}", fields[field] == right, fields[field])


def attack_opened_socket(node, leased):
    """Were the folders' modes wrong, the peer's uid would still be looked at."""
    path = f"{node.runtime}/authd/token/sock"
    modes = {target: os.stat(target).st_mode & 0o7777 for target in (os.path.dirname(path), path)}
    nobody = User("nobody", harness.NOBODY, harness.NOBODY, [])
    message = {"message": "token_get", "refused_token": 0}
    try:
        os.chmod(os.path.dirname(path), 0o755)
        os.chmod(path, 0o666)
        refused(nobody, "a token from a socket that is open to all", (b"access_token" in ask(nobody, path, message), "hung up"))
        row(CONTROL, leased.name, "a token from its socket", b"access_token" in ask(leased, path, message), "given")
    finally:
        for target, mode in modes.items():
            os.chmod(target, mode)


def attack_from_a_job(node, devnet, runnerd):
    """The job itself tries, below runnerd's sandbox: it has what any runner's program has. (What that sandbox refuses to it
    even against a dummy, runnerd's user has shown to bite.)"""
    with dummy(runnerd, node.key) as (process, folder):
        plan = [(CONTROL, trick, trick, str(process.pid)) for trick in ("environ", "cmdline", "maps", "mem", "fd")]
        plan += [(CONTROL, "a secret's file", "file", folder + "/secret"), (CONTROL, "a socket", "socket", folder + "/sock")]
        plan += [(ATTEMPT, *attempt) for attempt in job_attempts(node)]
        shown = devnet.run({"attempts": [row[1:] for row in plan], "secret": node.key}, capability=JOB_CAPABILITY)
    events = {event["what"]: event for task in shown["tasks"] for event in task["events"] if "what" in event}
    for kind, what, _, _ in plan:
        event = events.get(what, {"status": 2, "how": "not tried"})
        row(kind, "job", what, event["status"] == (0 if kind == CONTROL else 1), event["how"] or "it succeeded")


JOB = r"""
import json, os, subprocess, sys
with open(os.environ["POSEMESH_TASK_FILE"]) as file:
    plan = json.load(file)["meta"]["do"][0]
for what, trick, target in plan["attempts"]:
    done = subprocess.run([sys.argv[1], trick, target, plan["secret"]], capture_output=True, text=True, errors="replace")
    how = "".join(c if c.isprintable() else "?" for c in done.stdout)
    print(json.dumps({"event": {"what": what, "status": done.returncode, "how": how}}), flush=True)
"""


# --- requests: leased's own role asks for a signature under chosen text ---

def pack(value):
    """msgpack, as much as requests need."""
    if isinstance(value, dict):
        return bytes([0x80 | len(value)]) + b"".join(pack(key) + pack(item) for key, item in value.items())
    if isinstance(value, int):
        return b"\xcf" + struct.pack(">Q", value)
    text = value.encode()
    return b"\xdb" + struct.pack(">I", len(text)) + text


REQUEST = r"""
import socket, struct, sys
path, body = sys.argv[1], bytes.fromhex(sys.argv[2])
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(10)
peer.connect(path)
peer.sendall(b"\0SP\0\0\x30\0\0")
def take(count):
    got = b""
    while len(got) < count:
        more = peer.recv(count - len(got))
        if not more:
            sys.exit("hung up")
        got += more
    return got
take(8)
frame = b"\x80\0\0\1" + body
peer.sendall(b"\1" + struct.pack(">Q", len(frame)) + frame)
head = take(9)
sys.stdout.buffer.write(take(struct.unpack(">Q", head[1:])[0]))
"""


def ask(user, path, message):
    done = subprocess.run(["/usr/bin/python3", "-c", REQUEST, path, pack(message).hex()], capture_output=True, timeout=30,
                          **user.arguments())
    return done.stdout + done.stderr


def attack_requests(user, node):
    """Every name that could mean "sign this", and a token request that carries text along."""
    path, text = f"{node.runtime}/authd/token/sock", "give all I have to the attacker"
    for name in ("sign", "sign_message", "siwe_sign", "personal_sign", "wallet_sign", "callback_deliver"):
        answer = ask(user, path, {"message": name, "text": text, "body": text})
        row(ATTEMPT, user.name, f"asks authd to {name}", b"no operation" in answer or b"failure" in answer,
            "no such operation" if b"no operation" in answer else repr(answer[:80]))
    answer = ask(user, path, {"message": "token_get", "refused_token": 0, "text": text, "statement": text})
    leaked = any(word.encode() in answer for word in (text, *node.secrets(), "0x1b", "0x1c"))
    row(ATTEMPT, user.name, "token_get with text to sign", not leaked and b"token" in answer, "the text is ignored")


# --- the callback ---

def post_callback(node, body, content_type="application/json"):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(node.url).netloc, timeout=20)
    connection.request("POST", "/internal/v1/registrations", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def hostile_callbacks(marker):
    """(what, body, statuses that are right)"""
    forged = '\n{"ts":"2026-01-01T00:00:00Z","level":"error","service":"authd","msg":"forged"}'
    return [
        ("a secret of 5000 bytes", json.dumps({"id": "a", "secret": marker * 400}), (403,)),
        ("an id that would forge a log line", json.dumps({"id": "a" + forged, "secret": marker}), (200,)),
        ("an id with terminal escapes", json.dumps({"id": "a\x1b]0;x\x07\u2028b", "secret": marker}), (200,)),
        ("a secret that is an object", json.dumps({"id": "a", "secret": {"$ref": marker}}), (422,)),
        ("the same field twice", '{"id":"a","secret":"' + marker + '","secret":"x"}', (200, 400, 422)),
        ("depth of 10,000", '{"id":"a","secret":"' + marker + '","domains":' + "[" * 10000 + "]" * 10000 + "}", (400,)),
        ("not UTF-8", b'{"id":"a","secret":"' + marker.encode() + b'\xff\xfe"}', (400, 422)),
        ("NUL in the secret", '{"id":"a","secret":"' + marker + '\\u0000x"}', (200, 400, 422)),
        ("a megabyte", '{"id":"a","secret":"' + marker + "x" * (1 << 20) + '"}', (413,)),
        ("another content type", marker, (415,)),
    ]


def attack_callback(node):
    marker = secrets.token_hex(12)
    for what, body, right in hostile_callbacks(marker):
        try:
            status, answer = post_callback(node, body, "text/html" if right == (415,) else "application/json")
            ok, how = status in right and marker not in answer, f"{status} {answer[:40]!r}"
        except (BrokenPipeError, ConnectionResetError):
            ok, how = right == (413,), "hung up while it was being sent"
        row(ATTEMPT, "anyone", f"callback: {what}", ok, how)
    node.log.wait("callback refused", "authd")
    row(ATTEMPT, "anyone", "callback: a secret in the log", marker not in "\n".join(node.log.raw), "no line holds it")
    forged = [line for line in node.log.lines if isinstance(line, dict) and line.get("msg", "").endswith("forged")]
    row(ATTEMPT, "anyone", "callback: a forged line in the log", not forged, "none")


# --- a core of authd itself, by root, who may send any signal ---

def dumps_core(program, variables, started):
    """(whether a program killed by SIGABRT leaves a core, its environment before)."""
    with tempfile.TemporaryDirectory(prefix="pm-core.", dir="/tmp") as folder:
        process = subprocess.Popen(program, env={**programs.base_environment(), **variables}, stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, text=True, cwd=folder,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)))
        while started not in (line := process.stderr.readline()):
            assert line, f"{program} ended early"
        with open(f"/proc/{process.pid}/environ", "rb") as file:
            environment = file.read()
        os.kill(process.pid, signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = status
        return os.WIFSIGNALED(status) and os.WCOREDUMP(status), environment


def attack_core(node):
    script = "import sys,time; print('started', file=sys.stderr, flush=True); time.sleep(60)"
    with open("/proc/sys/kernel/core_pattern") as file:
        pattern = file.read().strip()
    dumped, environment = dumps_core(["/usr/bin/python3", "-c", script], {"REG_SECRET": node.reg_secret}, "started")
    row(CONTROL, "root", "SIGABRT makes a program dump core", dumped, f"core_pattern {pattern}")
    row(CONTROL, "root", "environ of a program", node.reg_secret.encode() in environment, "the secret is there")
    with tempfile.TemporaryDirectory(prefix="pm-core-run.", dir="/tmp") as folder:
        variables = {**node.variables, "POSEMESH_RUNTIME_DIR": folder, "SECP256K1_PRIVHEX": node.key,
                     "REG_SECRET": node.reg_secret, "ROBOT_REGISTRATION_CREDENTIALS": node.robot_credentials}
        for name in ("SECP256K1_PRIVHEX_FILE", "REG_SECRET_FILE"):
            variables.pop(name, None)
        dumped, environment = dumps_core([programs.program("authd")], variables, "started: version")
    row(ATTEMPT, "root", "SIGABRT makes authd dump core", not dumped, "no core")
    clean = not any(secret.encode() in environment for secret in node.secrets())
    row(ATTEMPT, "root", "environ of an authd that got its secrets there", clean, "overwritten")


# --- the node ---

def install(node):
    """The secrets as files that only root reads, and a runner whose job attacks."""
    for variable, name, value in (("SECP256K1_PRIVHEX", "wallet-key", node.key), ("REG_SECRET", "reg-secret", node.reg_secret)):
        path = os.path.join(node.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(value)
        if variable == "REG_SECRET":
            del node.variables[variable]
            node.variables[variable + "_FILE"] = path
    job = os.path.join(node.runners, "attack_job.py")
    with open(job, "w") as file:
        file.write(JOB)
    node.install_runner("attack", JOB_CAPABILITY, ["/usr/bin/python3", "-B", "./attack_job.py", PROBE])


def memory_holds_no_more_than_it_must(node):
    """root may read all memory: no process but authd ever had a secret, and authd has wiped the key's text."""
    root = User("root", 0, 0, [])
    with dummy(root, node.key) as (process, _):
        row(CONTROL, root.name, "mem", *root.attempt("mem", process.pid, node.key))
    for service in (*programs.SERVICES, "posemesh-node"):
        pid = node.process.pid if service == "posemesh-node" else node.pid(service)
        refused(root, f"mem of {service}, the key", root.attempt("mem", pid, node.key))
        # authd too has had this one among the sealed secrets, and its flow does not read it.
        refused(root, f"mem of {service}, ROBOT_REGISTRATION_CREDENTIALS", root.attempt("mem", pid, node.robot_credentials))
        if service != "authd":
            refused(root, f"mem of {service}, REG_SECRET", root.attempt("mem", pid, node.reg_secret))


def own_environment_is_clean(node):
    """Even root finds no secret in an environment: it was overwritten, not only taken from the list."""
    for name, pid in (("authd", node.pid("authd")), ("posemesh-node", node.process.pid)):
        with open(f"/proc/{pid}/environ", "rb") as file:
            content = file.read()
        clean = not any(secret.encode() in content for secret in node.secrets())
        row(ATTEMPT, "root", f"environ of {name}", clean, f"{len(content)} bytes without a secret")


def run_all():
    attack_quotes.attack(row)
    devnet = harness.Network()
    node = harness.Node(devnet.env, POSEMESH_UID_BASE="71000")
    try:
        install(node)
        node.start()
        # Before a job is told the secrets, to look for them: leased and runnerd have seen them then.
        memory_holds_no_more_than_it_must(node)
        users = [User.of_process(service, node.pid(service)) for service in ("leased", "stored", "httpd", "runnerd")]
        users.append(User("nobody", harness.NOBODY, harness.NOBODY, []))
        for user in users:
            controls(user)
            attack_processes(user, node)
            attack_sockets(user, node)
            attack_files(user, node)
        attack_as_authd(node)
        processes_are_powerless(node)
        attack_requests(users[0], node)
        attack_opened_socket(node, users[0])
        attack_from_a_job(node, devnet, users[3])
        attack_callback(node)
        attack_inbound.attack(row, devnet, node)
        attack_core(node)
        own_environment_is_clean(node)
        node.wait_ready()
        shown = devnet.run(["write", "after.json", 5])
        row(ATTEMPT, "all", "the node still works", shown["status"] == "completed", shown["status"])
        node.check_end()
    finally:
        node.remove()
        devnet.stop()
    attack_registration.run_all(row)


def print_table():
    counts = collections.Counter((kind, attacker, ok) for kind, attacker, _, ok, _ in rows)
    print("#\n# attacker    controls that succeeded   attempts refused   attempts that got through")
    for attacker in dict.fromkeys(attacker for _, attacker, _, _, _ in rows):
        controls_ok = counts[CONTROL, attacker, True]
        print(f"# {attacker:11} {controls_ok:11} of {controls_ok + counts[CONTROL, attacker, False]:<10}"
              f"{counts[ATTEMPT, attacker, True]:17} {counts[ATTEMPT, attacker, False]:22}")
    print(f"#\n1..{len(rows)}")


def main(attacks=run_all):
    if os.geteuid() != 0:
        outcome = "not ok" if os.environ.get("CI") else "ok"
        print(f"{outcome} 1 - attacks from other users # SKIP needs root, for users of their own\n1..1")
        return outcome == "not ok"
    attacks()
    print_table()
    return not all(ok for _, _, _, ok, _ in rows)


if __name__ == "__main__":
    sys.exit(main())
