"""Which addresses domain servers may be at: the connected one decides (docs/network.md 6, ALLOW_PRIVATE_DOMAIN_SERVERS)."""
import json
import os
import subprocess
import sys
import unittest
import urllib.parse

import harness
import quoting
from programs import PATIENCE_SECS
from scripted_server import data_answer
from stored_alone import UPLOADS, StoredCase

SETTING = "ALLOW_PRIVATE_DOMAIN_SERVERS"


class ByDefault(StoredCase):

    def setUp(self):
        super().setUp()
        self.server.answers["input"] = data_answer(('name="a"; data-type="txt"', b"x"))

    def assert_refused(self, given, host, address):
        self.assertEqual((given["message"], given["code"]), ("failure", "forbidden"), given)
        for part in (SETTING, host, address):
            self.assertIn(part, given["text"])

    def test_where_dms_is_public_no_request_reaches_this_machine(self):
        hosts = [("127.0.0.1", "127.0.0.1, a loopback"), ("localhost", "a loopback"), ("0.0.0.0", "0.0.0.0, a loopback"),
                 ("2130706433", "127.0.0.1, a loopback"), ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1, a loopback"),
                 ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1, a loopback")]
        for host, address in hosts:
            with self.subTest(host=host):
                session = self.open(f"http://{host}:{self.server.port}", dms_is_private=False)
                self.assert_refused(session.input(), "://" if host == "2130706433" else host, address)
                session.close()
        self.assertEqual(self.server.connections, 0)

    def test_nor_does_an_upload_or_the_end_of_one(self):
        for kind in UPLOADS:
            with self.subTest(kind=kind):
                session = self.open(dms_is_private=False)
                self.assert_refused(session.upload(kind), "127.0.0.1", "a loopback")
                session.close()
        self.assertEqual(self.server.connections, 0)

    def test_nor_is_a_private_or_link_local_one_tried(self):
        for host in ("10.255.255.1", "192.168.255.1", "100.64.0.1", "[fd00::1]", "169.254.169.254", "[fe80::1]"):
            with self.subTest(host=host):
                session = self.open(f"http://{host}:{self.server.port}", dms_is_private=False)
                self.assert_refused(session.input(), host, host.strip("[]"))
                session.close()

    def test_where_dms_is_at_such_an_address_domain_servers_may_be_too(self):
        self.assertEqual(self.open(dms_is_private=True).input()["message"], "input")

    def test_but_link_local_ones_may_not(self):
        session = self.open("http://169.254.169.254", dms_is_private=True)
        self.assert_refused(session.input(), "169.254.169.254", "a link-local address")

    def test_a_restart_forgets_neither(self):
        private, public = self.open(dms_is_private=True), self.open(dms_is_private=False)
        self.stored.restart()
        for session in (private, public):
            self.assertEqual(session.update_token()["message"], "done")
        self.assertEqual(private.input()["message"], "input")
        self.assert_refused(public.input(), "127.0.0.1", "a loopback")


class Allowed(StoredCase):
    variables = {SETTING: "true"}

    def test_every_address_is_as_good(self):
        self.server.answers["input"] = data_answer(('name="a"; data-type="txt"', b"x"))
        self.assertEqual(self.open(dms_is_private=False).input()["message"], "input")


class Leased(unittest.TestCase):
    """It is leased that tells how it reached DMS; through a proxy that is not known."""

    def test_a_dms_behind_a_proxy_makes_no_exception(self):
        devnet = harness.Network()
        self.addCleanup(devnet.stop)
        proxy = quoting.Proxy(devnet.env["ADMIN_URL"])
        self.addCleanup(proxy.close)
        own = urllib.parse.urlsplit(devnet.env["DMS_BASE_URL"])
        dms = own._replace(netloc=f"dms.example:{own.port}").geturl()
        node = harness.Node({**devnet.env, "DMS_BASE_URL": dms}, http_proxy=proxy.origin, no_proxy="127.0.0.1")
        self.addCleanup(node.remove)
        node.start()
        shown = devnet.run(["write", "a.json", 5])
        self.assertEqual(shown["status"], "failed")
        reason = shown["tasks"][0]["fail_reason"]
        for part in (SETTING, "127.0.0.1, a loopback address"):
            self.assertIn(part, reason)
        node.log.wait("dms.example", "leased")
        self.assertEqual(len(node.log.find_all("without TLS", "leased")), 1, json.dumps(node.log.find_all("TLS")))
        node.check_end()

    def test_in_a_network_with_a_public_address_only_that_is_reached(self):
        program, own_network = os.path.join(harness.HERE, "public_network.py"), ["unshare", "--net", "--mount"]
        # Not even root can in a chroot whose root is no mount.
        refused = subprocess.run([*own_network, "test", "-f", "/etc/hosts"], capture_output=True, text=True)
        if refused.returncode:
            self.skipTest(f"needs a network and an /etc/hosts of its own: {refused.stderr.strip() or 'there is no /etc/hosts'}")
        done = subprocess.run([*own_network, sys.executable, "-B", program], capture_output=True, text=True,
                              timeout=10 * PATIENCE_SECS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        shown = json.loads(done.stdout.splitlines()[-1])
        reasons = shown["reasons"]
        # Of the two addresses of a name, the one that may be reached is.
        self.assertEqual([host for host, reason in reasons.items() if reason is None],
                         ["203.0.113.7", "storage.example", "both.example"])
        for host, address in (("10.1.2.3", "10.1.2.3, a private"), ("rebound.example", "10.1.2.3, a private"),
                              ("127.0.0.1", "127.0.0.1, a loopback"), ("localhost", "a loopback")):
            for part in (SETTING, f"http://{host}:", address):
                self.assertIn(part, reasons[host])
        self.assertEqual(sorted(map(tuple, shown["warnings"])), [
            ("authd", "203.0.113.7"), ("leased", "203.0.113.7"), ("stored", "203.0.113.7"), ("stored", "both.example"),
            ("stored", "storage.example")])


if __name__ == "__main__":
    unittest.main()
