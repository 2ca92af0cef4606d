"""The robot flow: docs/network.md 1.4. And the port that nobody calls in it, or in the wallet flow."""
import base64
import json
import os
import socket
import tempfile
import unittest

import programs
from harness import NOOP, SCRIPTED, NodeCase
from programs import SERVICES
from test_tokens import AuthdCase

REGISTER, VERIFY, SIWE = "/dds/internal/v1/robots/register", "/dds/internal/v1/auth/robot/verify", "/dds/internal/v1/auth/siwe/"
# What this flow does not read may be wrong, or lead nowhere.
NOT_READ = {"REG_SECRET": "", "REG_SECRET_FILE": "/no/such/file", "SECP256K1_PRIVHEX": "no key",
            "SECP256K1_PRIVHEX_FILE": "/no/such/file"}


def listens(node):
    host, _, port = node.variables["HTTP_LISTEN"].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def memory_holds(pid, text):
    """Whether root finds it in what a process has mapped."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, access, *_ = line.split()
            first, end = (int(part, 16) for part in span.split("-"))
            # A sanitizer's shadow is terabytes of nothing.
            if access[0] != "r" or end - first > 1 << 28:
                continue
            try:
                if text in os.pread(memory.fileno(), end - first, first):
                    return True
            except OSError:
                pass  # vvar and the like
    return False


class Robot(NodeCase):
    """A whole node that has its credentials and nothing else."""
    options = ("--flow", "robot")
    variables = {"REGISTRATION_FLOW": "robot", "NODE_URL": "", "REG_SECRET": "", "SECP256K1_PRIVHEX": "", "NODE_VERSION": " \t"}

    def row(self):
        (row,) = self.devnet.admin("GET", "/nodes")["nodes"]
        return row

    def test_a_robot_registers_leases_and_completes_a_job(self):
        row = self.row()
        self.assertEqual((row["flow"], row["url"], row["state"]), ("robot", None, "registered"))
        capabilities = json.loads(row["capabilities"])
        self.assertEqual(capabilities, sorted(capabilities))
        self.assertLessEqual({SCRIPTED, NOOP, "/reconstruction/global-refinement/v1"}, set(capabilities))
        self.assert_node_works()
        self.assertFalse(self.devnet.requests(f"*{SIWE}*"))

    def test_a_blank_version_is_warned_of_and_the_programs_own_is_reported(self):
        _, output, _ = programs.run([programs.program("authd"), "--version"], {})
        self.assertEqual(self.row()["version"], output.split()[1])
        for service in ("node", "authd"):
            lines = [line for line in self.node.log.lines if "NODE_VERSION is blank" in line["msg"]]
            self.assertIn(("warn", service), [(line["level"], line["service"]) for line in lines])

    def test_every_service_is_ready_and_no_port_is_open(self):
        for service in SERVICES:
            status, output = self.node.health(service)
            self.assertEqual(status, 0, output)
        self.assertIn("not listening", self.node.health("httpd")[1])
        self.assertFalse(listens(self.node))

    def test_no_process_but_authd_can_be_found_to_hold_the_credentials(self):
        credentials = self.node.robot_credentials.encode()
        pids = {service: self.node.pid(service) for service in SERVICES} | {"node": self.node.process.pid}
        self.assert_node_works()
        for name, pid in pids.items():
            self.assertNotIn(credentials, programs.exposed(pid), name)
            if os.geteuid() == 0:
                self.assertEqual(memory_holds(pid, credentials), name == "authd", name)
        self.assertNotIn(self.node.robot_credentials, "\n".join(self.node.log.raw))

    def test_a_forgotten_robot_registers_again(self):
        mark = self.node.log.mark()
        self.devnet.admin("POST", "/nodes/forget")
        self.devnet.admin("POST", "/tokens/access/revoke")
        self.node.log.wait("login refused, registering again", "authd", since=mark)
        self.node.wait_ready(since=mark)
        self.assert_node_works()

    def test_a_new_process_registers_first(self):
        registered, verified = (len(self.devnet.requests(path)) for path in (REGISTER, VERIFY))
        mark = self.node.kill("authd")
        self.node.log.wait("logged in with the registration", "authd", since=mark)
        self.assertEqual([len(self.devnet.requests(path)) for path in (REGISTER, VERIFY)], [registered + 1, verified])
        self.assert_node_works()


class Wallet(NodeCase):
    options = ("--flow", "wallet")
    variables = {"REGISTRATION_FLOW": "wallet", "NODE_URL": ""}

    def test_every_service_is_ready_and_no_port_is_open(self):
        for service in SERVICES:
            status, output = self.node.health(service)
            self.assertEqual(status, 0, output)
        self.assertFalse(listens(self.node))


class Callback(NodeCase):
    options = ("--flow", "callback")

    def test_this_flow_alone_listens(self):
        self.assertTrue(listens(self.node))


class Configuration(unittest.TestCase):
    """What each program that reads it says of the flow."""
    good = {"DDS_BASE_URL": "http://127.0.0.1:9/dds", "DMS_BASE_URL": "http://127.0.0.1:9/dms", "REQUEST_TIMEOUT_SECS": "5",
            "REGISTRATION_FLOW": "robot", **NOT_READ}

    def check(self, **variables):
        """The same from both who read the secrets: (status, all output)."""
        outcomes = []
        for name in ("node", "authd"):
            status, output, errors = programs.run([programs.program(name), "--check-config"], {**self.good, **variables})
            outcomes.append((status, output + errors))
        self.assertEqual(*(status for status, _ in outcomes), outcomes)
        return outcomes[0][0], "".join(output for _, output in outcomes)

    def test_a_robot_is_started_with_its_credentials_alone(self):
        self.assertEqual(self.check(ROBOT_REGISTRATION_CREDENTIALS="hidden-value")[0], 0)
        status, output = self.check(ROBOT_REGISTRATION_CREDENTIALS=" ")
        self.assertEqual(status, 78)
        self.assertEqual(output.count("ROBOT_REGISTRATION_CREDENTIALS is required"), 2)
        self.assertNotIn("REG_SECRET ", output)

    def test_both_ways_at_once_are_a_fault_that_shows_neither(self):
        with tempfile.NamedTemporaryFile("w", prefix="pm-it.", dir="/tmp") as file:
            file.write("from-a-file")
            file.flush()
            self.assertEqual(self.check(ROBOT_REGISTRATION_CREDENTIALS_FILE=file.name)[0], 0)
            status, output = self.check(ROBOT_REGISTRATION_CREDENTIALS_FILE=file.name,
                                        ROBOT_REGISTRATION_CREDENTIALS="hidden-value")
        self.assertEqual(status, 78)
        self.assertIn("choose one", output)
        self.assertNotIn("from-a-file", output)
        self.assertNotIn("hidden-value", output)


class RobotCase(AuthdCase):
    """authd alone."""
    flow, variables = "robot", {"REGISTRATION_FLOW": "robot", **NOT_READ}

    def counts(self):
        return self.count(REGISTER), self.count(VERIFY)


class Tokens(RobotCase):
    def test_the_registration_brings_the_first_token(self):
        self.authd.join()
        self.assertIn("held", self.authd.ask("refuse", 1))
        self.assertEqual(self.counts(), (1, 1))

    def test_renewals_verify_and_do_not_register(self):
        self.devnet.settings(access_token_ttl_ms=1500)
        self.authd.join()
        for _ in range(3):
            self.authd.log.wait("logged in, the access token", since=self.authd.log.mark())
        registered, verified = self.counts()
        self.assertEqual(registered, 1)
        self.assertGreaterEqual(verified, 3)

    def test_many_refusals_of_one_token_cause_one_verify(self):
        self.authd.join()
        said = self.authd.ask("refuse", 16)
        self.assertLess(said["held"], said["fresh"])
        self.assertEqual(self.counts(), (1, 1))

    def test_a_verify_answered_403_or_404_registers_again(self):
        self.authd.join()
        for status in (403, 404):
            with self.subTest(status):
                (registered, _), mark = self.counts(), self.authd.log.mark()
                self.devnet.fault(kind="status", path=VERIFY, status=status, count=1)
                self.authd.ask("refuse", 2)
                line = self.authd.log.wait(f"/internal/v1/auth/robot/verify answered {status}", since=mark)
                self.assertIn("login refused, registering again: POST http", line["msg"])
                self.assertEqual(self.count(REGISTER), registered + 1)

    def test_other_failures_of_a_verify_do_not_register(self):
        self.authd.join()
        for status in (401, 409, 500, 503):
            self.devnet.fault(kind="status", path=VERIFY, status=status, count=1)
            self.authd.ask("refuse", 1)
        self.assertEqual(self.counts(), (1, 8))

    def test_a_changed_list_of_capabilities_registers_again(self):
        self.authd.join()
        mark = self.authd.log.mark()
        self.authd.ask("register", "/test/tokens/v1")
        self.authd.ask("register", "/test/tokens/v2")
        self.authd.log.wait("logged in with the registration", since=mark)
        self.assertEqual(self.counts(), (2, 0))
        (row,) = self.devnet.admin("GET", "/nodes")["nodes"]
        self.assertEqual(json.loads(row["capabilities"]), ["/test/tokens/v2"])


class Failures(RobotCase):
    variables = {**RobotCase.variables, "REGISTER_INTERVAL_SECS": "1"}
    good = {"robot_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "access_token": "t0ken",
            "access_expires_at": "2999-01-01T00:00:00Z"}

    def answered(self, path, **fields):
        self.devnet.fault(kind="status", path=path, status=200, count=1, body=json.dumps({**self.good, **fields}))

    def test_another_node_that_holds_the_registration_is_told_once(self):
        self.devnet.fault(kind="status", path=REGISTER, status=409, count=3, body='{"error": "held"}')
        self.authd.join()
        self.assertEqual(self.count(REGISTER), 4)
        self.assertEqual(len(self.authd.log.find_all("another online node holds the registration")), 1)

    def test_a_refusal_is_tried_again_after_the_interval(self):
        self.devnet.fault(kind="status", path=REGISTER, status=403, count=1, body='{"error": "who?"}')
        self.authd.join()
        line = self.authd.log.wait("registration failed, next try in 1.0 s")
        self.assertIn("who?", line["msg"])

    def test_an_answer_that_lacks_a_field_registers_nobody_and_is_tried_again(self):
        self.answered(REGISTER, robot_id="00000000-0000-0000-0000-000000000000")
        self.authd.join()
        line = self.authd.log.wait("registration failed")
        self.assertIn("robot_id is the nil UUID", line["msg"])
        self.assertEqual(self.count(REGISTER), 2)

    def test_a_login_survives_every_bad_answer(self):
        self.authd.join()
        for field, fields in (("robot_id is missing", {"robot_id": None}), ("robot_id is no UUID", {"robot_id": "r2"}),
                              ("access_token is blank", {"access_token": " "}),
                              ("access_expires_at is missing", {"access_expires_at": None}),
                              ("access_expires_at is not in the future", {"access_expires_at": "2000-01-01T00:00:00Z"})):
            with self.subTest(field):
                mark = self.authd.log.mark()
                self.answered(VERIFY, **fields)
                self.authd.ask("refuse", 1)
                self.assertIn(field, self.authd.log.wait("login failed", since=mark)["msg"])
        self.assertEqual(self.count(REGISTER), 1)

    def test_what_a_server_quotes_of_the_credentials_reaches_no_log(self):
        """Nor would it reach leased, which gets the same reason."""
        credentials = self.authd.robot_credentials
        shapes = [credentials, credentials[:20], credentials[9:], base64.b64encode(credentials.encode()).decode(),
                  base64.b64encode(json.dumps({"registration_credentials": credentials}).encode()).decode(),
                  "".join(f"%{byte:02x}" for byte in credentials.encode())]
        for shape in shapes:
            self.devnet.fault(kind="status", path=REGISTER, status=403, count=1, body=f"no '{shape}' here")
        self.authd.join()
        for shape in shapes:
            self.devnet.fault(kind="status", path=VERIFY, status=500, count=1, body=f"no '{shape}' here")
            self.authd.ask("refuse", 1)
        for field in ("robot_id", "access_expires_at"):
            self.answered(VERIFY, **{field: credentials})
            self.authd.ask("refuse", 1)
        text = "\n".join(self.authd.log.raw)
        refused = "answered 403 (are ROBOT_REGISTRATION_CREDENTIALS right?): no '"
        for said, times in ((refused, len(shapes)), ("answered 500: no '", len(shapes)), ("robot_id is no UUID", 1),
                            ("access_expires_at: not an RFC 3339 time", 1)):
            self.assertEqual(len(self.authd.log.find_all(said)), times, said)
        for shape in shapes:
            self.assertNotIn(shape[-16:-4], text)


if __name__ == "__main__":
    unittest.main()
