"""Attacks on how a node registers and logs in, by whoever reaches its inbound endpoint and by a DDS that turned hostile: forged
callbacks, forged health checks, SIWE answers that would have the wallet sign another site's login. run_all() is for attack.py."""
import contextlib
import http.server
import json
import threading

from crypto import Wallet  # of the reference node of posemesh-devnet's tests: it signs whatever it is given
import harness
import network

CONTROL, ATTEMPT, ANYONE, DDS = "control", "attempt", "anyone", "DDS"
CALLBACK, HEALTH = "internal/v1/registrations", "health"
REGISTER, NONCE = "/dds/internal/v1/nodes/register", "*/siwe/request"


@contextlib.contextmanager
def started(devnet, ready=True, **variables):
    node = harness.Node(devnet.env, **variables)
    try:
        yield node.start(ready=ready)
    finally:
        node.remove()


@contextlib.contextmanager
def local_network(*options):
    devnet = harness.Network(*options)
    try:
        yield devnet
    finally:
        devnet.stop()  # what a hostile network makes a node do is no violation


def call_back(node):
    body = json.dumps({"id": "forged", "secret": "forged"}).encode()
    return network.request("POST", node.url + CALLBACK, body, {"Content-Type": "application/json"}).status


def check_health(node):
    return network.request("GET", node.url + HEALTH, headers={"User-Agent": "DDS v1"}).status


@contextlib.contextmanager
def forging(send, node):
    """Sends ten a second; yields what waits until a number of them has been answered."""
    ended, sent, event = threading.Event(), [], threading.Condition()

    def run():
        while not ended.wait(0.1):
            status = send(node)
            with event:
                sent.append(status)
                event.notify_all()

    def wait(count):
        with event:
            assert event.wait_for(lambda: len(sent) >= count, harness.PATIENCE_SECS), f"only {len(sent)} were answered"

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield wait
    finally:
        ended.set()
        thread.join()


def comes(log, text, since):
    """(whether authd says so, how it went)"""
    try:
        return bool(log.wait(text, "authd", since)), text
    except AssertionError:
        return False, f"not in {harness.PATIENCE_SECS} s"


def said(log, text, since):
    return any(text in line.get("msg", "") for line in log.lines[since:] if isinstance(line, dict))


# --- callbacks ---

def callbacks_begin_logins(row):
    """While DDS may owe a callback a forged one begins a login, as the contract has it; else it does not."""
    for kind, status in ((CONTROL, 503), (ATTEMPT, 403)):
        with local_network("--flow", "callback") as devnet:
            devnet.fault(kind="status", path=REGISTER, status=status, count=-1)
            with started(devnet, ready=False) as node:
                node.log.wait("registration failed", "authd")
                mark = node.log.mark()
                answers = {call_back(node) for _ in range(14)}
                node.log.wait("registering at DDS", "authd", mark)
                node.log.wait("registration failed" if kind == ATTEMPT else "login refused", "authd", mark)
                logins = len(devnet.requests(NONCE))
            row(kind, ANYONE, f"forged callbacks begin a login after a {status}", (logins > 0) == (kind == CONTROL) and answers == {200},
                f"{logins} logins")


def callbacks_keep_a_node_away(row):
    """Forged callbacks and health checks while DDS has forgotten the node: it registers again all the same."""
    with local_network("--flow", "callback", "--health-interval", "0") as devnet:
        with started(devnet, REGISTER_INTERVAL_SECS="4") as node:
            mark = node.log.mark()
            with forging(check_health, node) as wait:
                wait(80)
                row(CONTROL, ANYONE, "forged health checks put off the look at a registration",
                    not said(node.log, "registering at DDS", mark), "for two intervals")
                forget(devnet)
                row(ATTEMPT, ANYONE, "forged health checks keep a forgotten node away", *comes(node.log, "registered at DDS", mark))
            node.wait_ready(mark)
            mark = node.log.mark()
            with forging(call_back, node), forging(check_health, node) as wait:
                wait(20)
                forget(devnet)
                row(ATTEMPT, ANYONE, "forged callbacks keep a forgotten node away", *comes(node.log, "registered at DDS", mark))
                row(ATTEMPT, ANYONE, "forged callbacks keep it from logging in", *comes(node.log, "logged in", mark))


def forget(devnet):
    devnet.admin("POST", "/nodes/forget")
    devnet.admin("POST", "/tokens/access/revoke")


# --- SIWE ---

class HostileDds:
    """Registers anyone, gives the nonce answers that it was told to give, and keeps the messages that were signed for it."""

    def __init__(self):
        self.answers, self.signed = [], []
        hostile = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(hostile.answer(self.path, body)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.authority = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.authority}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def good(self, **fields):
        return {"nonce": "abc123", "domain": self.authority, "uri": self.url, "version": "1", "chainId": 1,
                "issuedAt": "2026-01-02T03:04:05Z", **fields}

    def answer(self, path, body):
        if path.endswith("/siwe/request"):
            return self.answers.pop(0) if self.answers else self.good()
        if "message" in body:
            self.signed.append(body["message"])
        return {"access_token": "t", "access_expires_at": "2999-01-01T00:00:00Z"}

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def hostile_answers(authority):
    """(what, fields, text that must not be signed)"""
    sentence = "Sign to give all you have to 0xdead. example.org"
    return [("another site", {"domain": "opensea.io"}, "opensea.io wants"),
            ("a site with DDS's as its user", {"domain": f"{authority}@opensea.io"}, "@opensea.io"),
            ("a sentence in domain", {"domain": sentence}, sentence),
            ("text that is turned round", {"domain": f"{authority}\u202eoi.aesnepo"}, "\u202e"),
            ("characters that nobody sees", {"issuedAt": "2026\u200b"}, "\u200b"),
            ("a sentence in uri", {"uri": sentence}, sentence),
            ("a script as uri", {"uri": "javascript:alert(1)"}, "javascript:"),
            ("a sentence in nonce", {"nonce": sentence}, sentence),
            ("another version", {"version": "2"}, "Version: 2"),
            ("another line", {"version": "1\nResources:\n- evil"}, "Resources:")]


def reference_signs(dds, fields):
    """A signer without rules: it composes and signs what it is given."""
    reference = Wallet()
    answer = dds.good(**fields)
    message = (f"{answer['domain']} wants you to sign in with your Ethereum account:\n{reference.address}\n\nURI: {answer['uri']}\n"
               f"Version: {answer['version']}\nChain ID: 1\nNonce: {answer['nonce']}\nIssued At: {answer['issuedAt']}")
    return message, reference.sign_message(message)


def siwe_answers(row):
    dds = HostileDds()
    plan = hostile_answers(dds.authority)
    try:
        for what, fields, text in plan:
            message, signature = reference_signs(dds, fields)
            row(CONTROL, DDS, f"a signature for {what}", text in message and signature.startswith("0x"), "a signer without rules")
        dds.answers = [dds.good(), *(dds.good(**fields) for _, fields, _ in plan)]
        with local_network() as devnet, started(devnet, REGISTRATION_FLOW="wallet", NODE_URL="", DDS_BASE_URL=dds.url,
                                                SIWE_DOMAIN=dds.authority, TOKEN_REAUTH_MAX_RETRIES="1000") as node:
            # DMS knows none of this DDS's tokens, so that the node asks for another until all answers were given.
            harness.programs.wait_until(lambda: not dds.answers, "all answers were given")
            node.log.wait("logged in", "authd", node.log.mark())
            refusals = node.log.find_all("answer to the nonce request", "authd")
        for what, _, text in plan:
            signed = any(text in message for message in dds.signed)
            row(ATTEMPT, DDS, f"a signature for {what}", not signed, "signed" if signed else "refused")
        row(ATTEMPT, DDS, "each is refused, and what is right is signed", len(refusals) == len(plan) and len(dds.signed) >= 2,
            f"{len(refusals)} refusals")
    finally:
        dds.stop()


def run_all(row):
    callbacks_begin_logins(row)
    callbacks_keep_a_node_away(row)
    siwe_answers(row)
