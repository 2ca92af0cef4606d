"""The robot flow: docs/network.md 1.4, one mutation at a time, and what a right robot does."""
import unittest
import uuid

from client import Node
from network import Devnet, request
from rule_case import RuleCase, breaks


class Robot(RuleCase):
    """Each test has a network of its own, as its one robot has registered or has not."""
    OPTIONS = ("--robot-credentials", "first", "--robot-credentials", "second", "--health-interval", "0")

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.devnet = Devnet(*self.OPTIONS)
        super().setUp()

    def tearDown(self):
        self.doCleanups()
        broken = self.devnet.violations()
        status, output = self.devnet.stop()
        self.assertEqual((status, output.count("violation ")), (3 if broken else 0, len(broken)))

    @breaks("robot-shape")
    def test_shape(self):
        return [self.node.register_robot(extra=1), self.node.register_robot(version=None),
                self.node.register_robot(version=7), self.node.register_robot(capabilities="/a"),
                self.node.register_robot(registration_credentials=None),
                self.node.register_robot(wallet=self.node.wallet.address)]

    @breaks("robot-verify-shape")
    def test_verify_shape(self):
        self.node.join_as_robot()
        return [self.node.verify_robot({}), self.node.verify_robot(self.node.robot_registration()),
                self.node.verify_robot({"registration_credentials": 1})]

    @breaks("robot-credentials")
    def test_credentials(self):
        wrong = ["unknown", "", self.devnet.env["REG_SECRET"]]
        return [self.node.register_robot(registration_credentials=value) for value in wrong] + [
            self.node.verify_robot({"registration_credentials": value}) for value in wrong]

    @breaks("robot-before-registration")
    def test_verify_before_the_registration(self):
        Node(self.devnet, [self.capability]).join_as_robot()
        self.node.credentials = "second"
        return self.node.verify_robot()

    @breaks("robot-credentials-elsewhere")
    def test_credentials_at_other_flows(self):
        self.node.join_as_robot()
        return [self.node.register_wallet(registration_credentials=self.node.credentials),
                self.node.register({**self.node.registration(), "registration_credentials": self.node.credentials})]

    @breaks("register-version")
    def test_version(self):
        return [self.node.register_robot(version=version) for version in ("v1.2.3", "1.2", "")]

    @breaks("register-capabilities")
    def test_capabilities(self):
        return [self.node.register_robot(capabilities=wrong) for wrong in ([], [""], [1])]

    @breaks("register-capabilities-sorted")
    def test_sorted(self):
        return self.node.register_robot(capabilities=["/b", "/a"])

    @breaks("json-content-type")
    def test_content_type(self):
        return [request("POST", self.devnet.dds + path, b"{}", {"Content-Type": "text/plain"})
                for path in ("/internal/v1/robots/register", "/internal/v1/auth/robot/verify")]

    @breaks("access-token-unknown")
    def test_credentials_are_no_access_token(self):
        self.node.join_as_robot()
        return self.node.dms("GET", "/tasks", token=self.node.credentials)

    def test_a_robot_leases_what_it_registered_and_stores_and_reports(self):
        self.node.join_as_robot()
        self.assertEqual(self.node.credentials, "first")
        self.assertNotEqual(uuid.UUID(self.node.robot_id).int, 0)
        self.devnet.create_job("/examples/other/v1")
        lease = self.begun()
        self.assertEqual(lease.task["capability"], self.capability)
        self.node.upload(lease, "a.json", b"{}")
        self.assertEqual(self.node.complete(lease).status, 200)
        self.assertEqual(self.devnet.job(self.job["id"])["status"], "completed")
        self.assertIsNone(self.node.lease())
        self.node.capabilities = ["/examples/other/v1"]
        self.node.join_as_robot()
        self.assertEqual(self.node.fail(self.node.begin()).status, 200)
        row, = self.devnet.admin("GET", "/nodes")["nodes"]
        self.assertEqual((row["flow"], row["id"], row["registrations"]), ("robot", self.node.robot_id, 2))
        self.assertNotIn("first", str(row))
        self.assertEqual(self.devnet.violations(), [])

    def test_a_robot_is_its_credentials(self):
        self.node.join_as_robot()
        again, other = Node(self.devnet), Node(self.devnet)
        other.credentials = "second"
        self.assertEqual(again.join_as_robot().robot_id, self.node.robot_id)
        self.assertNotEqual(other.join_as_robot().robot_id, self.node.robot_id)
        self.assertEqual(again.take_token(again.verify_robot()).robot_id, self.node.robot_id)
        self.assertEqual(self.devnet.violations(), [])

    def test_a_forgotten_robot_gets_a_plain_404_and_may_register_again(self):
        robot_id = self.node.join_as_robot().robot_id
        self.devnet.admin("POST", "/nodes/forget")
        self.assertEqual(self.node.dms("GET", "/tasks").status, 403)
        answer = self.node.verify_robot()
        self.assertEqual((answer.status, answer.rule), (404, None))
        self.assertEqual(self.node.join_as_robot().robot_id, robot_id)
        self.assertEqual(self.node.verify_robot().status, 200)
        self.assertEqual(self.devnet.violations(), [])

    def test_access_tokens_of_robots_expire_and_are_revoked(self):
        self.settings(access_token_ttl_ms=0, race_grace_ms=20000)
        self.node.join_as_robot()
        self.assertEqual(self.node.dms("GET", "/tasks").status, 401)
        self.settings(access_token_ttl_ms=3600000)
        self.node.take_token(self.node.verify_robot())
        self.assertEqual(self.node.dms("GET", "/tasks").status, 204)
        self.devnet.admin("POST", "/tokens/access/revoke")
        self.assertEqual(self.node.dms("GET", "/tasks").status, 401)
        self.node.take_token(self.node.verify_robot())
        self.assertEqual(self.node.dms("GET", "/tasks").status, 204)
        self.assertEqual(self.devnet.violations(), [])


class Flows(unittest.TestCase):
    def network(self, *options, **kept):
        devnet = Devnet(*options, **kept)
        self.addCleanup(devnet.stop)
        return devnet

    def test_a_network_of_robots_has_no_wallets_and_another_no_robots(self):
        robots, wallets = self.network("--flow", "robot"), self.network("--flow", "wallet")
        node = Node(robots).join_as_robot()
        for answer in (node.post(robots.dds + "/internal/v1/auth/siwe/request", {"wallet": node.wallet.address}),
                       node.verify({"address": "x"}), node.register(), Node(wallets).register_robot(),
                       Node(wallets).verify_robot()):
            self.assertEqual((answer.status, answer.rule), (404, "register-flow"))

    def test_made_up_credentials_and_robots_outlive_a_restart(self):
        first = Devnet()
        node = Node(first).join_as_robot()
        first.stop(keep=True)
        again = self.network(state=first.state)
        self.assertEqual(again.env["ROBOT_REGISTRATION_CREDENTIALS"], first.env["ROBOT_REGISTRATION_CREDENTIALS"])
        self.assertEqual(Node(again).take_token(Node(again).verify_robot()).robot_id, node.robot_id)


if __name__ == "__main__":
    unittest.main()
