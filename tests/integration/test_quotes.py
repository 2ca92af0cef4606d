"""What servers quote of a token reaches no log, no runner and no report."""
import os
import unittest

import harness
import quoting
from scripted_server import answer
from stored_alone import SOON_SECS, UPLOADS, StoredCase


class OfADomainServer(StoredCase):
    """Told to runners, and logged."""

    def quoting_server(self, status, form):
        def quote(request):
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            self.quoted += bool(token)
            return answer(status, body=("no: " + quoting.FORMS[form](token)).encode())
        return quote

    def setUp(self):
        super().setUp()
        self.quoted = 0

    def test_no_form_of_a_token_is_told_or_logged(self):
        for form in quoting.FORMS:
            for kind in ("input", *UPLOADS):
                with self.subTest(form=form, kind=kind):
                    self.quoted, mark = 0, self.stored.log.mark()
                    # The info carries no token.
                    self.server.answers = {**self.server.NOTHING_YET, kind: self.quoting_server(422, form)}
                    session = self.open()
                    given = session.input() if kind == "input" else session.upload(kind)
                    self.assertEqual((given["message"], given["code"]), ("failure", "http"))
                    self.assertIn("answered 422: no: ", given["text"])
                    self.assertGreater(self.quoted, 0)
                    self.assertIsNone(quoting.quotes(given["text"], session.token), given["text"])
                    self.assertIsNone(quoting.quotes("\n".join(self.stored.log.raw[mark:]), session.token))
                    session.close()

    def test_nor_what_is_logged_of_an_error_that_is_retried(self):
        for form in quoting.FORMS:
            with self.subTest(form=form):
                mark = self.stored.log.mark()
                self.server.answers["input"] = self.quoting_server(500, form)
                session = self.open(lease_secs=SOON_SECS)
                given = session.input()
                self.assertEqual(given["message"], "failure")
                text = given["text"] + "\n".join(self.stored.log.raw[mark:])
                self.assertIn("answered 500", text)
                self.assertIsNone(quoting.quotes(text, session.token), text)
                session.close()

    def test_nor_the_answer_to_a_request_without_it(self):
        for form in quoting.FORMS:
            with self.subTest(form=form):
                mark, server = self.stored.log.mark(), self.serve()
                session = self.open(server.origin)
                server.answers["info"] = answer(403, body=("no: " + quoting.FORMS[form](session.token)).encode())
                session.write("out.bin", b"x")
                self.assert_stored(session.put_file("out.bin"), "made")
                self.stored.log.wait("limits are not known", since=mark)
                self.assertIsNone(quoting.quotes("\n".join(self.stored.log.raw[mark:]), session.token))
                session.close()

    def test_nor_the_headers_of_an_answer(self):
        heads = {"a type": ["Content-Type: text/{}"], "a coding": ["Content-Encoding: {}"],
                 "a boundary": ["Content-Type: multipart/mixed; boundary=\"{}\""]}
        for form in ("plain", "base64", "URL-escaped", "base64 for URLs"):
            for name, lines in heads.items():
                with self.subTest(form=form, name=name):
                    mark = self.stored.log.mark()
                    self.server.answers["input"] = lambda request: answer(
                        200, body=b"", content_type=None, headers=[line.format(quoting.FORMS[form](
                            request.headers["authorization"].removeprefix("Bearer "))) for line in lines])
                    session = self.open()
                    given = session.input()
                    self.assertEqual(given["message"], "failure")
                    self.assertIn("****", given["text"])
                    text = given["text"] + "\n".join(self.stored.log.raw[mark:])
                    self.assertIsNone(quoting.quotes(text, session.token), text)
                    session.close()

    def test_nor_where_an_answer_redirects_to(self):
        for location in ("http://{}.example/", "/elsewhere/{}"):
            with self.subTest(location=location):
                mark = self.stored.log.mark()
                self.server.answers["input"] = lambda request: answer(302, headers=["Location: " + location.format(
                    request.headers["authorization"].removeprefix("Bearer "))])
                session = self.open()
                given = session.input()
                self.assertEqual((given["message"], given["code"]), ("failure", "invalid"))
                text = given["text"] + "\n".join(self.stored.log.raw[mark:])
                self.assertIsNone(quoting.quotes(text, session.token), text)
                session.close()

    def test_the_finder_finds_every_form(self):
        token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJub2RlLTQ3MTEifQ.c2ln_bmF0-dXJl"
        for name, form in quoting.FORMS.items():
            with self.subTest(form=name):
                self.assertIsNotNone(quoting.quotes("what is " + form(token), token))
        self.assertIsNone(quoting.quotes("what is ****", token))


class OfTheWholeNetwork(unittest.TestCase):
    """DMS and the domain server quote, and the node's log and what it reports are looked through."""

    def test_a_task_that_fails_amid_quotes_reports_none(self):
        devnet = harness.Network()
        self.addCleanup(devnet.stop)
        proxy = quoting.Proxy(devnet.env["ADMIN_URL"])
        self.addCleanup(proxy.close)
        own = devnet.env["DMS_BASE_URL"].split("/dms/")[0]
        through = {**devnet.env, "DMS_BASE_URL": devnet.env["DMS_BASE_URL"].replace(own, proxy.origin)}
        node = harness.Node(through)
        self.addCleanup(node.remove)
        node.start()
        for form in ("plain", "base64 of the header", "URL-escaped throughout", "JSON-escaped", "cut at its end"):
            with self.subTest(form=form):
                self.run_quoted(devnet, proxy, own, form)
        text = "\n".join(node.log.raw) + "\n".join(body.decode(errors="replace") for path, body in proxy.bodies
                                                   if path.startswith("/dms/"))
        self.assertGreaterEqual(len(proxy.tokens), 2)
        for token in proxy.tokens:
            self.assertIsNone(quoting.quotes(text, token))
        node.check_end()

    def run_quoted(self, devnet, proxy, own, form):
        failed_once = {kind: [] for kind in ("heartbeat", "fail", "tasks")}

        def status(method, path):
            kind = os.path.basename(path.partition("?")[0])
            if kind in failed_once and path.startswith("/dms/"):
                failed_once[kind].append(path)
                if kind == "tasks" and len(failed_once[kind]) == 1:
                    return 206  # a success, but none that was expected
                return 503 if len(failed_once[kind]) == 2 or kind == "fail" and len(failed_once[kind]) == 1 else None
            return 422 if path.startswith("/domain/") and method == "POST" else None

        proxy.form, proxy.quote, proxy.quoted = quoting.FORMS[form], status, []
        server = devnet.env["DOMAIN_SERVER_URL"].replace(own, proxy.origin)
        devnet.admin("POST", "/overrides/lease", {"patch": {"domain_server_url": server}})
        shown = devnet.run(["write", "a.json", 5])
        self.assertEqual(shown["status"], "failed")
        self.assertIn("answered 422: what is ", shown["tasks"][0]["fail_reason"])
        for part in ("/domain/", "/fail", "/dms/v1/tasks"):
            self.assertTrue([path for path in proxy.quoted if part in path], (part, proxy.quoted))


if __name__ == "__main__":
    unittest.main()
