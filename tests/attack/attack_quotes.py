"""What servers may do to a node by what they answer and where they are: quote a token back into its log and reports, have its
requests sent to the machine's own network, steer the terminal of who reads. Each trick is first made against a client that
protects nothing.

attack.py runs it, and gives it the function that records a row.
"""
import http.client
import socket
import urllib.request

import programs
import quoting
import steering
from scripted_server import Server, answer, data_answer
from stored_alone import NO_RETRY, Stored

CONTROL, ATTEMPT = "control", "attempt"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJub2RlLTQ3MTEifQ.c2ln_bmF0-dXJl"
# This machine, as a name or an address that a lease may have.
OWN_HOSTS = ("127.0.0.1", "localhost", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]")


def fetch(host, port):
    """Any client: the answer's body."""
    connection = http.client.HTTPConnection(host.strip("[]"), port, timeout=programs.PATIENCE_SECS)
    connection.request("GET", "/x", headers={"Authorization": "Bearer " + TOKEN, "Accept": "multipart/form-data"})
    try:
        return connection.getresponse().read().decode(errors="replace")
    finally:
        connection.close()


def told(stored, mark, given):
    """All that became known of a request: the runner's answer, and the log since."""
    return given.get("text", "") + "\n".join(stored.log.raw[mark:])


def attack_quotes(row, stored):
    for name, form in quoting.FORMS.items():
        server = Server()
        quote = (lambda request: answer(422, body=("no: " + form(
            request.headers.get("authorization", "").removeprefix("Bearer "))).encode()))
        server.answers = {kind: quote for kind in server.NOTHING_YET}
        found = quoting.quotes(fetch("127.0.0.1", server.port), TOKEN)
        row(CONTROL, "server", f"quotes a token: {name}", found is not None, f"read: {found}")
        for kind in ("input", "create"):
            mark, session = stored.log.mark(), stored.open(server.origin)
            text = told(stored, mark, session.input() if kind == "input" else session.upload(kind))
            found = quoting.quotes(text, session.token)
            row(ATTEMPT, "server", f"quotes the token of {kind}: {name}",
                found is None and "answered 422" in text, f"read: {found}" if found else "masked")
            session.close()
        server.close()


def is_known(host):
    """A system without /etc/hosts does not know its own name."""
    try:
        return bool(socket.getaddrinfo(host.strip("[]"), 80))
    except socket.gaierror:
        return False


def attack_addresses(row, stored):
    server = Server(input=data_answer(('name="a"; data-type="txt"', b"x")))
    for host in filter(is_known, OWN_HOSTS):
        before = server.connections
        fetch(host, server.port)
        row(CONTROL, "server", f"is this machine: {host}", server.connections == before + 1, "reached")
        session, before = stored.open(f"http://{host}:{server.port}", dms_is_private=False), server.connections
        given = session.input()
        row(ATTEMPT, "server", f"is this machine: {host}",
            server.connections == before and given.get("code") == "forbidden", given.get("text", "it succeeded"))
        session.close()
    for host in ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"):
        session = stored.open(f"http://{host}", dms_is_private=True)
        given = session.input()
        row(ATTEMPT, "server", f"is at a link-local address: {host}", given.get("code") == "forbidden",
            given.get("text", "it succeeded"))
        session.close()
    server.close()


def attack_redirects(row, stored):
    trap, server = Server(input=data_answer(('name="a"; data-type="txt"', b"x"))), Server()
    server.answers["input"] = answer(302, headers=[f"Location: {trap.origin}/x"])
    request = urllib.request.Request(server.origin + "/x", headers={"Accept": "multipart/form-data"})
    urllib.request.urlopen(request).close()
    row(CONTROL, "server", "redirects to another service of this machine", trap.connections == 1, "followed")
    session = stored.open(server.origin)
    given = session.input()
    row(ATTEMPT, "server", "redirects to another service of this machine",
        trap.connections == 1 and given["message"] == "failure", given.get("text", "it succeeded"))
    session.close()
    for one in (trap, server):
        one.close()


def attack_readers(row, stored):
    server = Server(input=answer(503, body=steering.STEERING.encode(), headers=[NO_RETRY]))
    found = steering.steers(fetch("127.0.0.1", server.port))
    row(CONTROL, "server", "steers the reader's terminal", found is not None, f"with {ascii(found)}")
    mark, session = stored.log.mark(), stored.open(server.origin, lease_secs=0.1)
    given = session.input()
    texts = [given["text"], *(line["msg"] for line in stored.log.lines[mark:])]
    found = next((steering.steers(text) for text in texts if steering.steers(text)), None)
    row(ATTEMPT, "server", "steers the reader of the log or of an error", found is None and "a [2Jb" in given["text"],
        f"with {ascii(found)}" if found else "cleaned")
    session.close()
    server.close()
    row(CONTROL, "a service", "steers the reader of its state", steering.steers(steering.STEERING) is not None, "as it is sent")
    for service in ("authd", "stored", "leased", "httpd", "runnerd"):
        sham = steering.ShamService(service, steering.STEERING)
        output = sham.health()[1].rstrip("\n")
        found = steering.steers(output)
        row(ATTEMPT, "a service", f"steers the reader of posemesh-{service} --health", "a [2Jb" in output and found is None,
            f"with {ascii(found)}" if found else "cleaned")
        sham.close()


def attack(row):
    stored = Stored()
    try:
        for part in (attack_quotes, attack_addresses, attack_redirects, attack_readers):
            part(row, stored)
        stored.check_end()
    finally:
        stored.remove()
