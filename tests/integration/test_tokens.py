"""authd's access tokens: under load while DDS fails and is cut off, refused by many at once, after bad answers.

POSEMESH_SOAK=1 makes the load last two minutes.
"""
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import programs
from harness import Network, NodeCase, network
from programs import PATIENCE_SECS

TOKEN_LOAD = os.path.join(programs.BIN, "..", "integration", "integration-token-load")
SOAK = os.environ.get("POSEMESH_SOAK") == "1"
VERIFY, NONCE, REGISTER = (f"/dds/internal/v1/{path}" for path in ("auth/siwe/verify", "auth/siwe/request", "nodes/register-wallet"))


class Authd:
    """posemesh-authd alone, in the wallet flow, or in another one which needs nobody else."""

    def __init__(self, devnet_env, **variables):
        self.folder = tempfile.mkdtemp(prefix="pm-it.", dir="/tmp")
        self.key, self.reg_secret = secrets.token_hex(32), devnet_env["REG_SECRET"]
        self.robot_credentials = devnet_env["ROBOT_REGISTRATION_CREDENTIALS"]
        settings = {"DDS_BASE_URL": devnet_env["DDS_BASE_URL"], "REG_SECRET": self.reg_secret, "SECP256K1_PRIVHEX": self.key,
                    "ROBOT_REGISTRATION_CREDENTIALS": self.robot_credentials, "REGISTRATION_FLOW": "wallet",
                    "REQUEST_TIMEOUT_SECS": "10", "TOKEN_REAUTH_JITTER_MS": "10", "POSEMESH_RUNTIME_DIR": self.folder, **variables}
        self.process = subprocess.Popen([programs.program("authd")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace", cwd="/",
                                        env={**programs.base_environment(), **settings})
        self.log = programs.Log(self.process.stderr)

    def ask(self, *arguments):
        """What the test's program says, which asks authd."""
        status, output, errors = programs.run([TOKEN_LOAD, self.folder, *map(str, arguments)], {}, timeout=90)
        assert status == 0, f"{arguments}: {status}\n{errors}"
        return json.loads(output)

    def join(self):
        """Registers, and waits for the first token."""
        self.ask("register", "/test/tokens/v1")
        self.log.wait("logged in")
        return self

    def check_end(self):
        try:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE_SECS) == 0, f"posemesh-authd ended with {self.process.returncode}"
            self.log.wait_end()
            text = "\n".join(self.log.raw)
            assert not self.log.sanitizer_reports(), text
            for secret in (self.key, self.reg_secret, self.robot_credentials):
                assert secret not in text, "a secret is in the log"
        finally:
            self.remove()

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Load:
    """The program that asks for tokens without a pause, and is told in which phase DDS is."""

    def __init__(self, folder, requests, per_second):
        self.process = subprocess.Popen([TOKEN_LOAD, folder, "load", str(requests), str(per_second)], text=True,
                                        env=programs.base_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def begin(self, phase):
        """From its answer on the phase counts."""
        self.process.stdin.write(phase + "\n")
        self.process.stdin.flush()
        assert json.loads(self.process.stdout.readline()) == {"phase": phase}

    def end(self):
        """Asks what is left of the requests; the counts."""
        self.begin("stop")
        output, _ = self.process.communicate(timeout=240)
        assert self.process.returncode == 0, f"token_load ended with {self.process.returncode}"
        return json.loads(output)

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class AuthdCase(unittest.TestCase):
    flow, variables = "wallet", {}

    def setUp(self):
        self.devnet = Network("--flow", self.flow)
        self.addCleanup(self.devnet.check_end)
        self.authd = Authd(self.devnet.env, **self.variables)
        self.addCleanup(self.authd.check_end)
        self.addCleanup(self.show_log_of_failure)

    def show_log_of_failure(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            print("".join(f"# {text}\n" for text in self.authd.log.tail(60)), flush=True)

    def count(self, path):
        return len(self.devnet.requests(path))


class UnderLoad(AuthdCase):
    begins_first = True
    # Waits of up to half a second between the tries of a round: a DDS that is back is met by one of them.
    variables = {"TOKEN_REAUTH_JITTER_MS": "500", "TOKEN_SAFETY_RATIO": "0.5"}
    failing = [{"kind": "status", "path": "/dds/", "status": 503, "count": -1, "probability": 0.1},
               {"kind": "cut", "path": "/dds/", "when": "after", "count": -1, "probability": 0.11}]
    cut = [{"kind": "cut", "path": "/dds/", "count": -1}]
    # A login takes more than a second: a caller that waits for one is told from one that does not.
    healthy = [{"kind": "latency", "path": "/dds/", "latency_ms": 600, "count": -1}]
    waits_for_login_ms = 1000

    def wait_for(self, text, count, since):
        """Until authd has said it that often."""
        for _ in range(count):
            line = self.authd.log.wait(text, since=since)
            since = self.authd.log.lines.index(line, since) + 1

    def set_phase(self, load, phase, faults):
        # "healthy" begins after DDS is well again, the others before it is not.
        if phase != "healthy":
            load.begin(phase)
        self.devnet.admin("PUT", "/faults", faults)
        mark = self.authd.log.mark()
        if phase == "healthy":
            self.wait_for("logged in", 1, mark)
            mark = self.authd.log.mark()
            load.begin(phase)
        return mark

    def one_round(self, load, failures):
        """A renewal in the healthy phase, one in the failing, and as many failed logins in the cut."""
        self.wait_for("logged in", 1, self.set_phase(load, "healthy", self.healthy))
        self.wait_for("logged in", 1, self.set_phase(load, "failing", self.failing))
        self.wait_for("login failed", failures, self.set_phase(load, "cut", self.cut))

    def test_no_token_is_late_and_nobody_waits_without_need(self):
        secs, requests, per_second = (120, 100_000, 1000) if SOAK else (20, 20_000, 1100)
        self.devnet.settings(access_token_ttl_ms=5000)
        self.authd.join()
        load = Load(self.authd.folder, requests, per_second)
        self.addCleanup(load.remove)
        until, rounds = time.monotonic() + secs, 0
        while time.monotonic() < until or rounds < 2:
            # One failure: the token lives on. Nine are two rounds and more: it has run out by then.
            self.one_round(load, 1 if rounds % 2 == 0 else 9)
            rounds += 1
        self.set_phase(load, "healthy", [])
        counts = load.end()
        print(f"# {rounds} cuts: {json.dumps(counts)}", flush=True)
        self.assertGreaterEqual(counts["asked"], requests)
        self.assertEqual(counts["asked"], counts["answered"] + counts["failed"], counts)
        self.assertEqual((counts["expired"], counts["healthy_failed"]), (0, 0), counts)
        if SOAK:  # a short run's tokens may outlive its two cuts
            self.assertGreater(counts["failed"], 0, "the cuts were not noticed")
        self.assertGreater(counts["healthy_answered"], 1000)
        self.assertLess(counts["healthy_longest_ms"], self.waits_for_login_ms, counts)
        self.assertGreaterEqual(counts["tokens"], 3 * rounds)


class Refused(AuthdCase):
    def test_sixteen_refusals_of_one_token_at_once_cause_one_login(self):
        self.authd.join()
        for _ in range(3):
            before = self.count("*" + VERIFY)
            said = self.authd.ask("refuse", 16)
            # Sixteen more that come late with the old number get the new token.
            self.assertLess(said["held"], said["fresh"])
            self.assertEqual(said["fresh"], said["late"])
            self.assertEqual(self.count("*" + VERIFY), before + 1)

    def test_a_verify_answered_403_or_404_registers_again(self):
        self.authd.join()
        for status in (403, 404):
            with self.subTest(status):
                registrations, mark = self.count("*" + REGISTER), self.authd.log.mark()
                self.devnet.fault(kind="status", path=VERIFY, status=status, count=1)
                self.authd.ask("refuse", 2)
                line = self.authd.log.wait(f"/internal/v1/auth/siwe/verify answered {status}", since=mark)
                self.assertIn("login refused, registering again: POST http", line["msg"])
                self.assertEqual(self.count("*" + REGISTER), registrations + 1)

    def test_a_server_that_wants_another_login_for_ever_is_not_flooded(self):
        """Each refusal may cost a login, but not two within a second."""
        self.authd.join()
        began, before = time.monotonic(), self.count("*" + VERIFY)
        for _ in range(4):
            self.authd.ask("refuse", 4)
        self.assertLessEqual(self.count("*" + VERIFY) - before, 4)
        self.assertGreaterEqual(time.monotonic() - began, 3)


class Conflict(AuthdCase):
    variables = {"REGISTER_INTERVAL_SECS": "1"}

    def test_another_node_that_holds_the_registration_is_told_once(self):
        self.devnet.fault(kind="status", path=REGISTER, status=409, count=3, body='{"error": "held"}')
        self.authd.join()
        self.assertEqual(self.count("*" + REGISTER), 4)
        self.assertEqual(len(self.authd.log.find_all("another online node holds the registration")), 1)


class BadAnswers(AuthdCase):
    variables = {"REQUEST_TIMEOUT_SECS": "1"}

    nonce = {"nonce": "n0nce", "domain": "d", "uri": "https://d", "version": "1", "chainId": 1, "issuedAt": "t"}
    token = {"access_token": "t0ken", "access_expires_at": "2000-01-01T00:00:00Z"}

    def bad(self, path, reason, **fault):
        """One bad answer costs one try, and the log says why."""
        mark = self.authd.log.mark()
        self.devnet.fault(**{"path": path, "count": 1, **fault})
        self.authd.ask("refuse", 1)
        line = self.authd.log.wait("login failed", since=mark)
        self.assertIn(reason, line["msg"])
        self.authd.log.wait("logged in", since=mark)

    def answered(self, path, reason, body):
        self.bad(path, reason, kind="status", status=200, body=body if isinstance(body, str) else json.dumps(body))

    def test_a_login_survives_every_bad_answer(self):
        self.authd.join()
        self.answered(NONCE, "JSON", "<html>busy</html>")
        self.answered(NONCE, "chainId", {**self.nonce, "chainId": "1"})
        self.answered(NONCE, "domain holds a control or format character or a line break", {**self.nonce, "domain": "d\nURI: evil"})
        self.answered(NONCE, "uri is no http or https URL in ASCII", {**self.nonce, "uri": "evil"})
        self.answered(NONCE, "version is not 1", {**self.nonce, "version": "2"})
        self.answered(NONCE, "domain is no authority of RFC 3986", {**self.nonce, "domain": "evil wants"})
        self.answered(NONCE, "nonce is missing", {**self.nonce, "nonce": None})
        self.answered(VERIFY, "JSON", "{")
        self.answered(VERIFY, "access_token", {**self.token, "access_token": ["t"]})
        self.answered(VERIFY, "access_expires_at is not in the future", self.token)
        self.answered(VERIFY, "access_expires_at", {**self.token, "access_expires_at": "12026-01-01T00:00:00Z"})
        self.bad(NONCE, "JSON", kind="malformed")
        self.bad(VERIFY, "", kind="cut", bytes=20, when="after")
        self.bad(VERIFY, "", kind="slow", bytes_per_second=10)
        self.bad(NONCE, "answered 307", kind="redirect", location=self.devnet.env["TRAP_URL"])
        self.bad(NONCE, "answered 503: one line", kind="status", status=503, body="one\nline " + "x" * 2000)
        self.assertLess(max(len(line["msg"]) for line in self.authd.log.find_all("answered 503")), 512 + 200)

    def test_any_body_of_a_2xx_accepts_a_registration(self):
        self.devnet.fault(kind="status", path=REGISTER, when="after", status=201, body="{\"half\": ", count=1)
        self.authd.join()
        self.assertEqual(self.count("*" + REGISTER), 1)


class CallbackFirst(NodeCase):
    """DDS calls back before it answers the registration, and does not let the node log in yet."""
    options, variables = ("--flow", "callback"), None

    def start_refused(self, *faults):
        self.devnet.fault(kind="status", path=VERIFY, status=403, count=1)
        self.devnet.admin("POST", "/faults", list(faults))
        self.node = self.own_node()
        self.node.log.wait("login refused, registering again", "authd")
        self.assertFalse(self.node.log.find_all("its callback did not come", "authd"))

    def test_the_node_logs_in_when_the_answer_comes(self):
        self.start_refused({"kind": "latency", "path": "/dds/internal/v1/nodes/register", "when": "after",
                            "latency_ms": 3000, "count": 1})

    def test_the_node_logs_in_though_the_answer_is_lost(self):
        self.start_refused({"kind": "latency", "path": "/dds/internal/v1/nodes/register", "when": "after",
                            "latency_ms": 30000, "count": 1})


class HealthChecks(NodeCase):
    options = ("--flow", "callback", "--health-interval", "0")

    def test_many_health_checks_of_dds_are_told_to_authd_once_a_second(self):
        mark, began = self.node.log.mark(), time.monotonic()
        for agent in ("DDS v2", "curl/8", None) * 20:
            self.assertEqual(network.request("GET", self.node.url + "health", headers={"User-Agent": agent}).status, 200)
        self.node.log.wait("health_check_seen", "authd", since=mark)
        told = len(self.node.log.find_all("health_check_seen", "authd"))
        self.assertLessEqual(told, 1 + (time.monotonic() - began))

    def test_other_callers_are_not_told(self):
        mark = self.node.log.mark()
        for agent in ("curl/8", None, "dds", "xDDS v1"):
            self.assertEqual(network.request("GET", self.node.url + "health", headers={"User-Agent": agent}).status, 200)
        # What httpd says after it has come, so nothing was on the way.
        self.node.log.wait("inbound_listening", "authd", since=mark)
        self.assertFalse(self.node.log.find_all("health_check_seen", "authd"))


if __name__ == "__main__":
    unittest.main()
