"""How a node joins the network, and what DDS and others may send to its inbound endpoint."""
import json
import unittest

import programs
from harness import NOOP, SCRIPTED, NodeCase, network
from programs import SERVICES


class Callback(NodeCase):
    """The callback flow."""
    options = ("--flow", "callback")

    def post(self, body, content_type="application/json", path="internal/v1/registrations"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return network.request("POST", self.node.url + path, data, {"Content-Type": content_type})

    def assert_refused(self, status, text, body, **arguments):
        answer = self.post(body, **arguments)
        self.assertEqual(answer.status, status, answer)
        if text is not None:
            self.assertEqual(answer.body.decode().strip(), text)
        self.assertEqual(network.request("GET", self.node.url + "health").status, 200)

    def test_a_node_registers_with_sorted_capabilities_and_logs_in(self):
        (row,) = self.devnet.admin("GET", "/nodes")["nodes"]
        capabilities = json.loads(row["capabilities"])
        self.assertEqual(capabilities, sorted(capabilities))
        self.assertLessEqual({SCRIPTED, NOOP}, set(capabilities))
        self.assertEqual((row["state"], row["flow"], row["url"], row["callback_status"]),
                         ("registered", "callback", self.node.url, 200))

    def test_health_checks_are_answered_under_the_path_that_dds_asks(self):
        self.assertEqual(network.request("GET", self.node.url + "health").status, 200)
        self.assertEqual(network.request("GET", self.node.url + "health", headers={"User-Agent": "DDS v1"}).status, 200)
        self.assertEqual(network.request("GET", self.node.url + "metrics").status, 404)
        self.assertEqual(network.request("GET", self.node.url + "internal/v1/registrations").status, 405)

    def test_a_callback_without_an_id_or_a_secret_is_refused(self):
        self.assert_refused(422, "missing id", {"id": "  ", "secret": "s"})
        self.assert_refused(422, "missing secret", {"id": "n", "secret": " \t"})
        self.assert_refused(422, None, {"secret": "s"})
        self.assert_refused(422, None, {"id": "n"})
        self.assert_refused(422, None, {"id": 5, "secret": "s"})
        self.assert_refused(422, None, {"id": "n", "secret": {"a": 1}})
        self.assert_refused(422, None, ["id", "secret"])

    def test_a_callback_that_is_too_large_is_refused(self):
        self.assert_refused(403, "secret too large", {"id": "n", "secret": "s" * 4097})
        self.assert_refused(413, None, {"id": "n", "secret": "s" * (64 * 1024)})

    def test_a_callback_that_is_not_json_is_refused(self):
        self.assert_refused(400, None, b'{"id": "n", "secret"')
        self.assert_refused(400, None, b"")
        self.assert_refused(415, None, {"id": "n", "secret": "s"}, content_type="text/plain")

    def test_a_good_callback_replaces_the_secret_and_is_not_logged(self):
        secret = "callback-secret-" + "x" * (4096 - 16)
        answer = self.post({"id": "node-7", "secret": secret, "organization_id": None, "domains": [1, {"a": None}],
                            "unknown": True}, content_type="application/json; charset=utf-8")
        self.assertEqual((answer.status, answer.json), (200, {"ok": True}))
        self.node.log.wait("callback stored: id node-7, secret of 4096 bytes")
        self.assertNotIn("callback-secret", "\n".join(self.node.log.raw))

    def test_called_back_anew_it_goes_on(self):
        mark = self.node.log.mark()
        self.devnet.admin("POST", "/nodes/callback")
        self.node.log.wait("callback stored", since=mark)
        self.assert_node_works()

    def test_a_forgotten_node_registers_again(self):
        mark = self.node.log.mark()
        self.devnet.admin("POST", "/nodes/forget")
        self.devnet.admin("POST", "/tokens/access/revoke")
        self.node.log.wait("registered at DDS", since=mark)
        self.node.wait_ready(since=mark)
        self.assert_node_works()

    def test_every_service_says_that_it_is_ready(self):
        for service in SERVICES:
            status, output = self.node.health(service)
            self.assertEqual(status, 0, output)
            self.assertTrue(output.startswith(service + ":"), output)

    def test_no_process_but_authd_can_be_found_to_hold_a_secret(self):
        pids = {service: self.node.pid(service) for service in SERVICES} | {"node": self.node.process.pid}
        for name, pid in pids.items():
            shown = programs.exposed(pid)
            for secret in self.node.secrets():
                self.assertNotIn(secret.encode(), shown, name)
            if name != "authd":
                self.assertNotIn(b"DDS_BASE_URL=" if name != "node" else self.node.key.encode(), shown, name)


class Wallet(NodeCase):
    """The wallet flow, which needs no NODE_URL."""
    options = ("--flow", "wallet")
    variables = {"REGISTRATION_FLOW": "wallet", "NODE_URL": ""}

    def test_a_node_registers_with_its_wallet_and_works(self):
        (row,) = self.devnet.admin("GET", "/nodes")["nodes"]
        self.assertEqual((row["flow"], row["url"]), ("wallet", None))
        self.assert_node_works()

    def test_a_forgotten_node_registers_again(self):
        mark = self.node.log.mark()
        self.devnet.admin("POST", "/nodes/forget")
        self.devnet.admin("POST", "/tokens/access/revoke")
        self.node.wait_ready(since=mark)
        self.assert_node_works()


if __name__ == "__main__":
    unittest.main()
