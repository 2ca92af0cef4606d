"""What people read holds no character that steers their terminal or turns text around, whoever sent it."""
import json
import unittest

import harness
import programs
import steering
from scripted_server import answer
from steering import STEERING, steers
from stored_alone import StoredCase
from test_tokens import VERIFY, Authd


class OfADomainServer(StoredCase):
    variables = {"LOG_LEVEL": "debug"}

    def texts(self):
        """What the log's lines say, as a program reads them."""
        return [value for line in self.stored.log.lines for value in (line.values() if isinstance(line, dict) else [line])
                if isinstance(value, str)]

    def test_its_answers_are_told_and_logged_clean(self):
        # Behind a status that is tried again, which is logged, too.
        self.server.answers["input"] = answer(503, body=STEERING.encode())
        session = self.open(lease_secs=0.1)
        given = session.input()
        self.assertIn("answered 503: a [2Jb ]0;title c d e 31mf g h i j k l m n o", given["text"])
        self.assertIsNone(steers(given["text"]))
        # The file's name is its sender's.
        self.server.answers["input"] = answer(404)
        self.assertIsNone(steers(session.input(STEERING)["text"]))
        self.assertTrue([text for text in self.texts() if "answered 503: a [2Jb" in text])
        for text in self.texts():
            self.assertIsNone(steers(text), ascii(text))


class OfSettings(unittest.TestCase):

    def test_a_value_that_is_quoted_is_clean_in_both_formats(self):
        for log_format in ("json", "text"):
            with self.subTest(log_format=log_format):
                status, _, errors = programs.run([programs.program("stored")], {
                    "REQUEST_TIMEOUT_SECS": STEERING, "LOG_FORMAT": log_format, "POSEMESH_RUNTIME_DIR": "/nonexistent"})
                self.assertEqual(status, 78)
                self.assertIn("a [2Jb", errors)
                for line in errors.splitlines():
                    self.assertIsNone(steers(line), ascii(line))
                    if log_format == "json":
                        self.assertIsNone(steers(json.loads(line)["msg"]), ascii(line))


class Health(unittest.TestCase):

    def test_a_sham_service_is_printed_clean(self):
        for service in ("authd", "stored", "leased", "httpd", "runnerd"):
            with self.subTest(service=service):
                sham = steering.ShamService(service, STEERING)
                self.addCleanup(sham.close)
                status, output = sham.health()
                self.assertEqual(status, 0)
                self.assertTrue(output.startswith(f"{service}: ready: a [2Jb ]0;title c d e 31mf g h i j k l m n o; confined: a"))
                self.assertEqual(steers(output.rstrip("\n")), None, ascii(output))

    def test_what_dds_said_is_printed_clean(self):
        devnet = harness.Network()
        self.addCleanup(devnet.stop)
        devnet.fault(kind="status", path=VERIFY, status=500, count=-1, body=STEERING, content_type="text/plain")
        authd = Authd(devnet.env, TOKEN_REAUTH_MAX_RETRIES="0")
        self.addCleanup(authd.remove)
        authd.ask("register", "/test/tokens/v1")
        authd.log.wait("login failed")
        output = programs.run([programs.program("authd"), "--health"], {"POSEMESH_RUNTIME_DIR": authd.folder})[1]
        self.assertIn("a [2Jb", output)
        self.assertIsNone(steers(output.rstrip("\n")), ascii(output))


if __name__ == "__main__":
    unittest.main()
