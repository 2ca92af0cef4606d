"""Attacks on the port that is open to the network: rows for attack.py. The controls are a server that protects nothing,
and httpd where nobody holds its socket."""
import contextlib
import http.server
import os
import signal
import socket
import subprocess
import tempfile
import threading

import harness
import programs
import test_inbound
from slow_flood import SlowFlood

SECRET_PATH = "/guess-me-0123456789abcdef"
GET = b"GET /health HTTP/1.1\r\nHost: n\r\n\r\n"
OTHER_ADDRESS = "127.0.0.2"
# What httpd may hold at most: places, and as many that are on their way out, each with libmicrohttpd's buffer and a body.
CONNECTIONS, CONNECTION_BYTES, SLACK_BYTES = 128, (32 + 64) * 1024, 4 << 20

REPEATED_CALLS = 1000


# --- a server that protects nothing ---

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", 10

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.do_GET()

    def log_message(self, *_):
        pass


class Unprotected(http.server.ThreadingHTTPServer):
    """As many places as httpd has."""
    request_queue_size = 1024

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self._places = threading.Semaphore(64)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def process_request(self, request, client_address):
        self._places.acquire()
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self._places.release()

    def handle_error(self, *_):
        pass

    def close(self):
        self.shutdown()
        self.server_close()


# --- the port while httpd is down ---

TAKE_PORT = r"""
import socket, sys
taken = []
for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
    for address in (sys.argv[1], "0.0.0.0"):
        thief = socket.socket()
        try:
            if option:
                thief.setsockopt(socket.SOL_SOCKET, option, 1)
            thief.bind((address, int(sys.argv[2])))
            thief.listen()
            taken.append(address)
        except OSError as error:
            reason = error.strerror
        thief.close()
print("taken" if taken else reason)
"""


def take_port(place):
    """(whether another local user gets the port, how it went)."""
    done = subprocess.run(["/usr/bin/python3", "-c", TAKE_PORT, place[0], str(place[1])], capture_output=True, text=True,
                          timeout=30, user=harness.NOBODY, group=harness.NOBODY, extra_groups=[])
    return done.stdout.strip() == "taken", done.stdout.strip()


def attack_port(row, node):
    place = test_inbound.place_of(node)
    with tempfile.TemporaryDirectory(prefix="pm-alone.", dir="/tmp") as folder:
        port = programs.free_port()
        alone = subprocess.Popen([programs.program("httpd")], stderr=subprocess.PIPE, text=True, env={
            **programs.base_environment(), "POSEMESH_RUNTIME_DIR": folder, "HTTP_LISTEN": f"127.0.0.1:{port}"})
        programs.Log(alone.stderr).wait("started: version", "httpd")
        alone.kill()
        alone.wait()
        row("control", "nobody", "takes the port of a killed httpd whose socket nobody holds", *take_port(("127.0.0.1", port)))
    mark, pid = node.log.mark(), node.pid("httpd")
    # The node starts no other one as long as it is stopped.
    node.process.send_signal(signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    waiting = test_inbound.begin(place, GET.replace(b"/health", SECRET_PATH.encode() + b"/health"))
    succeeded, how = take_port(place)
    node.process.send_signal(signal.SIGCONT)
    row("attempt", "nobody", "takes the port of a killed httpd", not succeeded, how)
    answer = test_inbound.read_to_end(waiting)
    row("attempt", "all", "who called meanwhile is answered by the next httpd", b" 200 OK" in answer, str(answer[:15]))
    node.log.wait("started: version", "httpd", since=mark)


# --- floods ---

def memory_of(pid, field):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


def is_answered(place, path, patience_secs):
    with contextlib.suppress(OSError), socket.create_connection(place, patience_secs, (OTHER_ADDRESS, 0)) as caller:
        caller.sendall(GET.replace(b"/health", path.encode() + b"/health"))
        return b" 200 OK" in caller.recv(4096)
    return False


def attack_places(row, node):
    place, pid = test_inbound.place_of(node), node.pid("httpd")
    with contextlib.closing(Unprotected()) as server, SlowFlood(server.server_address):
        answered = is_answered(server.server_address, "", 5)
        row("control", "anyone", "400 slow callers keep a server of 64 places from answering", not answered, "5 s without an answer")
    callback = f"POST {SECRET_PATH}/internal/v1/registrations HTTP/1.1\r\nHost: n\r\nContent-Length: 65536\r\n\r\n".encode()
    floods = {"no end of a head": b"GET /hea", "heads of 30 KiB without an end": b"GET /health HTTP/1.1\r\nX: " + b"x" * 30000,
              "bodies of 60 KiB without an end": callback + b"x" * 60000}
    before, descriptors_before = memory_of(pid, "VmRSS"), len(os.listdir(f"/proc/{pid}/fd"))
    for what, begin in floods.items():
        with SlowFlood(place, begin=begin) as flood:
            answered = []
            while flood.reopened < REPEATED_CALLS or len(answered) < 50:
                answered.append(is_answered(place, SECRET_PATH, programs.PATIENCE_SECS))
            descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        row("attempt", "anyone", f"400 slow callers, {what}: another one asks for health", all(answered),
            f"{sum(answered)} of {len(answered)} answered, {flood.reopened} calls repeated")
        most, allowed = memory_of(pid, "VmHWM"), before + CONNECTIONS * CONNECTION_BYTES + SLACK_BYTES
        row("attempt", "anyone", f"400 slow callers, {what}: httpd's memory", most <= allowed,
            f"{most / 1e6:.1f} MB at most, {before / 1e6:.1f} MB before, bound {allowed / 1e6:.1f} MB")
        bound = descriptors_before + CONNECTIONS
        row("attempt", "anyone", f"400 slow callers, {what}: httpd's descriptors", descriptors <= bound,
            f"{descriptors}, {descriptors_before} before, bound {bound}")
    row("attempt", "anyone", "400 slow callers end httpd", node.pid("httpd") == pid, f"pid {pid} goes on")


# --- requests inside of requests ---

def hidden_requests():
    """(what, a request with another one inside for whoever sees its end elsewhere)."""
    begin = b"POST %s HTTP/1.1\r\nHost: n\r\nContent-Type: application/json\r\n"
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(GET), GET)
    return [("Content-Length and Transfer-Encoding", begin + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks),
            ("two Content-Lengths", begin + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(GET) + GET),
            ("a blank before the colon", begin + b"Content-Length : %d\r\n\r\n" % len(GET) + GET)]


def attack_heads(row, node):
    path = SECRET_PATH.encode() + b"/internal/v1/registrations"
    with contextlib.closing(Unprotected()) as server:
        for what, request in hidden_requests():
            answer = test_inbound.ask(server.server_address, request.replace(b"%s", b"/", 1))
            row("control", "anyone", f"hides a request behind {what}", answer.count(b"HTTP/1.1 200") == 2,
                f"{answer.count(b'HTTP/1.1 ')} answers")
            answer = test_inbound.ask(test_inbound.place_of(node), request.replace(b"%s", path, 1))
            row("attempt", "anyone", f"hides a request behind {what}",
                answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1, str(answer[:24]))


# --- the secret path ---

def attack_path(row, open_node, node):
    dds = (("User-Agent", "DDS v1"), ("Content-Type", "application/json"))
    requests = [("a health check of DDS", "/health", "GET", None), ("a callback", "/internal/v1/registrations", "POST", b"{}")]
    for what, path, method, body in requests:
        status = test_inbound.get(test_inbound.place_of(open_node), path, dds, method, body)
        row("control", "anyone", f"forges {what}, NODE_URL_PATH=any", status in (200, 422), str(status))
        for before in ("", "/x" + SECRET_PATH, SECRET_PATH[:-1], SECRET_PATH + "/", SECRET_PATH.upper()):
            status = test_inbound.get(test_inbound.place_of(node), before + path, dds, method, body)
            row("attempt", "anyone", f"forges {what} at {before or 'the root'}", status == 404, str(status))
    row("attempt", "anyone", "the secret path in the log", SECRET_PATH not in "\n".join(node.log.raw), "no line holds it")


def attack(row, devnet, open_node):
    """`open_node` has NODE_URL_PATH=any; the others' is one of its own."""
    node = harness.Node(devnet.env, POSEMESH_UID_BASE="72000", NODE_URL_PATH="exact")
    node.variables["NODE_URL"] = node.url.rstrip("/") + SECRET_PATH
    try:
        node.start()
        attack_path(row, open_node, node)
        attack_heads(row, node)
        attack_port(row, node)
        attack_places(row, node)
        row("attempt", "anyone", "the secret path in the log, in the end", SECRET_PATH not in "\n".join(node.log.raw), "no line")
        node.check_end()
    finally:
        node.remove()
