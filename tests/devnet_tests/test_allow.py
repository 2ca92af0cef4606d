"""--allow RULE: what breaks a rule that is off is served where it can be, and blamed nowhere."""
import subprocess
import tempfile
import unittest

import test_rules_login
import test_rules_multipart
import test_rules_robot
import test_rules_storage
import test_rules_tasks
from client import Node, form
from network import PROGRAM, Devnet, Inbound
from rule_case import RuleCase


# Where nothing could be served: who, what or which is not known, or it is over.
UNSERVED = {"request-unknown", "request-method", "json-body", "token-foreign-origin", "token-wrong-service",
            "register-public-key-format", "register-signature-format", "register-signature", "robot-credentials-elsewhere",
            "robot-before-registration", "siwe-nonce", "siwe-signature-format", "siwe-signature", "login-before-registration",
            "dms-authorization", "access-token-unknown", "access-token-reused", "cancelled-envelope", "heartbeat-after-report",
            "report-after-cancel", "report-after-lost", "report-changed", "storage-authorization", "domain-token-unknown",
            "domain-token-third-try", "form-content-type", "form-framing", "form-boundary-in-data",
            "multipart-unknown-upload", "multipart-finished"}


class Options(unittest.TestCase):
    def run_program(self, *options):
        with tempfile.TemporaryDirectory() as state:
            return subprocess.run([PROGRAM, "--state", state, *options], capture_output=True, text=True, timeout=20)

    def test_an_unknown_rule_is_a_wrong_option(self):
        for options in (["--allow", "never-heard-of"], ["--allow", "client-id-missing", "--allow", ""], ["--allow"]):
            done = self.run_program(*options)
            self.assertEqual((done.returncode, done.stdout), (64, ""), options)
        self.assertIn("never-heard-of", self.run_program("--allow", "never-heard-of").stderr)

    def test_help_tells_of_it(self):
        self.assertIn("--allow RULE", self.run_program("--help").stdout)


class EnvironmentFile(unittest.TestCase):
    def test_a_shell_that_reads_it_passes_all_of_it_on(self):
        devnet = Devnet()
        self.addCleanup(devnet.stop)
        shown = subprocess.run(["sh", "-c", f". {devnet.state}/devnet.env; env"], env={}, stdout=subprocess.PIPE, text=True, check=True)
        self.assertLessEqual({f"{name}={value}" for name, value in devnet.env.items()}, set(shown.stdout.splitlines()))
        self.assertLessEqual({"DDS_BASE_URL", "DMS_BASE_URL", "DOMAIN_SERVER_URL", "ADMIN_URL", "APP_TOKEN", "REG_SECRET"}, devnet.env.keys())


class Allowed(unittest.TestCase):
    def network(self, *rules):
        devnet = Devnet(*(word for rule in rules for word in ("--allow", rule)))
        self.addCleanup(lambda: self.assertEqual(devnet.stop(), (0, "")))
        return devnet

    def test_another_client_s_ways_are_served_when_their_rules_are_off(self):
        devnet = self.network("client-id-missing", "artifact-lookup", "artifact-name", "form-update-fields", "read-accept",
                              "report-artifact-name")
        devnet.create_job("/examples/a/v1")
        node = Node(devnet).join()
        lease = node.begin()
        without = {"posemesh-client-id": None}
        made = node.put_form(lease, "POST", {"name": "my own", "data-type": "json"}, b"1", **without).json["data"][0]["id"]
        answer = node.put_form(lease, "PUT", {"name": made, "id": made}, b"2", **without)
        self.assertEqual(answer.json["data"][0]["name"], "my own")
        self.assertEqual(node.read(lease, f"/{made}?raw=true", accept="*/*", **without).body, b"2")
        self.assertEqual(node.storage(lease, "GET", "?ids=" + made, **without).json["data"][0]["id"], made)
        node.remember(lease, "jobs/42/own.json", "my own", "json", made)
        self.assertEqual(node.complete(lease).status, 200)
        self.assertEqual(devnet.violations(), [])

    def test_parts_with_other_headers_are_read_as_far_as_they_can_be(self):
        devnet = self.network("form-part-headers", "artifact-lookup", "artifact-name")
        devnet.create_job("/examples/a/v1")
        node = Node(devnet).join()
        lease = node.begin()
        body, content_type = form({"filename": "f.bin", "name": "n", "data-type": "t"}, b"x", "bound")
        body = body.replace(b"application/octet-stream\r\n", b"text/plain\r\nX-More: 1\r\n")
        answer = node.storage(lease, "POST", "", body, **{"Content-Type": content_type})
        self.assertEqual([(row["name"], row["data_type"]) for row in answer.json["data"]], [("n", "t")])
        self.assertEqual(devnet.violations(), [])

    def test_only_what_is_named_is_off(self):
        devnet = self.network("artifact-lookup")
        devnet.create_job("/examples/a/v1")
        node = Node(devnet).join()
        lease = node.begin()
        body, content_type = form({"name": "free", "data-type": "a b"}, b"x")
        answer = node.storage(lease, "POST", "", body, **{"Content-Type": content_type})
        self.assertEqual(answer.rule, "artifact-data-type")
        devnet.admin("DELETE", "/violations")

    def test_what_cannot_be_served_is_refused_without_blame(self):
        devnet = self.network("dms-authorization", "json-body", "request-unknown", "form-framing")
        devnet.create_job("/examples/a/v1")
        node = Node(devnet).join()
        lease = node.begin()
        answers = [node.dms("GET", "/tasks", Authorization=None), node.register(b"not JSON"), node.dms("GET", "/other"),
                   node.storage(lease, "POST", "", b"x", **{"Content-Type": "multipart/form-data; boundary=b"})]
        self.assertEqual([(answer.status, answer.rule) for answer in answers], [
            (401, None), (400, None), (404, None), (400, None)])
        self.assertEqual(devnet.violations(), [])

    def test_parts_listed_in_another_order_are_joined_by_number(self):
        devnet = Devnet("--part-size", "1000", "--allow", "multipart-order")
        self.addCleanup(lambda: self.assertEqual(devnet.stop(), (0, "")))
        devnet.create_job("/examples/a/v1")
        node = Node(devnet).join()
        lease = node.begin()
        upload = node.start_multipart(lease).json["upload_id"]
        parts = [{"part_number": n, "etag": node.put_part(lease, upload, n, data).json["etag"]}
                 for n, data in ((1, b"1" * 1000), (2, b"2"))]
        made = node.complete_multipart(lease, upload, parts[::-1]).json["id"]
        self.assertEqual(node.read(lease, f"/{made}?raw=true").body, b"1" * 1000 + b"2")
        self.assertEqual(devnet.violations(), [])

    def test_what_the_network_asks_may_be_allowed_too(self):
        devnet = self.network("callback-answer")
        node = Node(devnet)
        self.addCleanup(node.stop)
        node.inbound = Inbound()
        node.inbound.callback_answer = (200, b"no JSON")
        self.assertEqual(node.register().status, 200)
        node.inbound.wait(lambda: node.inbound.callbacks)
        node.login()
        self.assertEqual(devnet.violations(), [])


class EveryMutation(unittest.TestCase):
    """Each mutation of the rules' tests, with its rule off: no answer names the rule, nothing is blamed on it, and the network
    still serves a right node."""
    begins_first = True

    def check_mutations(self, module):
        for case_class in vars(module).values():
            if isinstance(case_class, type) and issubclass(case_class, RuleCase):
                for name, test in vars(case_class).items():
                    if hasattr(test, "mutation"):
                        try:
                            self.check(case_class(name), test)
                        except BaseException as error:
                            error.add_note(f"{case_class.__name__}.{name}")
                            raise

    def check(self, case, test):
        case.OPTIONS = (*case.OPTIONS, "--allow", test.rule)
        if not isinstance(case, test_rules_robot.Robot):
            case.devnet = Devnet(*case.OPTIONS)
        try:
            case.setUp()
            answers = test.mutation(case)
            for answer in answers if isinstance(answers, list) else [answers]:
                self.assertNotEqual(answer.rule, test.rule, answer)
                self.assertLess(answer.status, 500, answer)
                # Another rule may be broken by what is served, and data that is looked for need not be there.
                refused = answer.status >= 400 and not answer.rule and b"no such data" not in answer.body
                self.assertTrue(not refused or b"no data" in answer.body or test.rule in UNSERVED, answer)
            self.assertNotIn(test.rule, case.devnet.violations())
            self.assertEqual(Node(case.devnet).join().dms("GET", "/tasks").status, 204)
        finally:
            case.doCleanups()
            status, output = case.devnet.stop()
        self.assertIn((status, status == 3), ((0, False), (3, bool(output))))


for _module in (test_rules_login, test_rules_multipart, test_rules_robot, test_rules_storage, test_rules_tasks):
    setattr(EveryMutation, "test_" + _module.__name__.removeprefix("test_"),
            lambda self, module=_module: self.check_mutations(module))

if __name__ == "__main__":
    unittest.main()
