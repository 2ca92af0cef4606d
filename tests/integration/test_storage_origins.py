"""A lease's token goes to the origin of its domain server, and only over a connection that is its."""
import shutil
import tempfile
import unittest

from scripted_server import answer, data_answer, make_certificate
from stored_alone import SOON_SECS, UPLOADS, StoredCase


class Origins(StoredCase):
    """The token goes to the lease's origin only."""

    def setUp(self):
        super().setUp()
        self.trap = self.serve(**{kind: data_answer(("", b"stolen")) for kind in self.server.NOTHING_YET})

    def test_redirects_elsewhere_are_refused(self):
        port = self.server.port
        elsewhere = [self.trap.origin + "/x", f"//127.0.0.1:{self.trap.port}/x", f"http://localhost:{port}/api/v1/info",
                     f"https://127.0.0.1:{port}/x", f"http://127.0.0.1:{port}@127.0.0.1:{self.trap.port}/",
                     f"http://me@127.0.0.1:{port}/x",
                     f"http://127.0.0.1:{port}.localhost/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "data:,x", ""]
        for kind in ("input", *UPLOADS):
            for status, location in [(302, location) for location in elsewhere] + [(s, elsewhere[0]) for s in (301, 303, 307, 308)]:
                with self.subTest(kind=kind, status=status, location=location):
                    self.server.answers = {**self.server.NOTHING_YET, kind: answer(status, headers=["Location: " + location])}
                    session = self.open()
                    given = session.input() if kind == "input" else session.upload(kind)
                    self.assertEqual((given["message"], given["code"]),
                                     ("failure", "invalid" if kind in ("input", "lookup") else "http"))
                    self.assertEqual(session.files(), [])
                    session.close()
        self.assertEqual(self.trap.connections, 0)

    def test_a_redirect_within_the_origin_is_followed_with_the_token(self):
        self.server.answers["input"] = lambda request: data_answer(("", b"moved")) if request.path == "/moved" else answer(
            307, headers=["Location: /moved"])
        session = self.open()
        self.assertEqual(session.input()["message"], "input")
        self.assertEqual([request.headers["authorization"] for request in self.server.requests], ["Bearer " + session.token] * 2)

    def test_a_loop_of_redirects_ends(self):
        self.server.answers["input"] = answer(302, headers=["Location: /again"])
        self.assert_fails(self.open().input(), "invalid", text="redirects")
        self.assertEqual(len(self.server.requests), 6)

    def test_an_absolute_cid_is_read_from_the_leases_server(self):
        self.server.answers["input"] = data_answer(("", b"x"))
        given = self.open().input(f"{self.trap.origin}/api/v1/domains/other/data/id")
        self.assertEqual(given["message"], "input")
        self.assertEqual([request.target for request in self.server.requests], ["/api/v1/domains/other/data?ids=id"])
        self.assertEqual(self.trap.connections, 0)

    def test_what_needs_no_token_gets_none(self):
        self.open().put()
        (info,) = self.server.asked("info")
        self.assertNotIn("authorization", info.headers)


class Tls(StoredCase):
    """stored trusts one certificate, for localhost alone."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="pm-it.", dir="/tmp")
        cls.addClassCleanup(shutil.rmtree, folder)
        trusted, cls.trusted = make_certificate(folder, "trusted", "DNS:localhost")
        _, cls.other = make_certificate(folder, "other", "DNS:localhost,IP:127.0.0.1")
        cls.variables = {"SSL_CERT_FILE": trusted}
        super().setUpClass()

    def ask(self, context, host, **lease):
        server = self.serve(context, input=data_answer(("", b"x")))
        session = self.open(f"https://{host}:{server.port}", **lease)
        return server, session.input()

    def test_only_a_certificate_that_is_trusted_for_the_host_sees_a_request(self):
        server, given = self.ask(self.trusted, "localhost")
        self.assertEqual(given["message"], "input", given)
        self.assertEqual(len(server.requests), 1)
        for context, host, reason in ((self.trusted, "127.0.0.1", "no alternative certificate subject name matches"),
                                      (self.other, "localhost", "self-signed certificate")):
            with self.subTest(reason):
                server, given = self.ask(context, host, lease_secs=SOON_SECS)
                self.assert_fails(given, "network", text=reason)
                self.assertGreater(server.connections, 0)
                self.assertEqual(server.requests, [])


if __name__ == "__main__":
    unittest.main()
