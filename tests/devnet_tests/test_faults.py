"""Faults on request: each kind does what it says, counts down, and blames nobody."""
import http.client
import os
import re
import threading
import time
import unittest

from client import Node
from network import Devnet, request

HERE = os.path.dirname(os.path.abspath(__file__))


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.devnet = Devnet()
        cls.info = cls.devnet.domain_server + "/api/v1/info"

    @classmethod
    def tearDownClass(cls):
        status, output = cls.devnet.stop()
        assert (status, output) == (0, ""), (status, output)

    def tearDown(self):
        self.devnet.admin("DELETE", "/faults")

    def test_status_with_retry_after_for_so_many_requests(self):
        self.devnet.fault(kind="status", path="/domain/api/v1/info", status=429, retry_after=7, body='{"slow":1}',
                          skip=1, count=2)
        answers = [request("GET", self.info) for _ in range(4)]
        self.assertEqual([answer.status for answer in answers], [200, 429, 429, 200])
        self.assertEqual((answers[1].headers["Retry-After"], answers[1].json), ("7", {"slow": 1}))

    def test_globs_and_methods_choose_the_request(self):
        self.devnet.fault(kind="status", method="POST", path="/domain/*", count=-1)
        self.devnet.fault(kind="status", path="*/v1/info", status=500, count=1)
        self.assertEqual(request("GET", self.info).status, 500)
        self.assertEqual(request("GET", self.info).status, 200)

    def test_any_body_can_be_served_for_one_part_of_a_query(self):
        self.devnet.fault(kind="status", status=200, path="*?ids=b*", content_type="multipart/form-data; boundary=x",
                          body="--x--\r\n")
        url = self.devnet.domain_server + "/api/v1/domains/d/data?ids="
        self.assertEqual(self.devnet.app("GET", url + "a").status, 200)
        answer = self.devnet.app("GET", url + "b")
        self.assertEqual((answer.body, answer.headers["Content-Type"]),
                         (b"--x--\r\n", "multipart/form-data; boundary=x"))

    def test_latency_holds_up_nobody_else(self):
        self.devnet.fault(kind="latency", path="/domain/api/v1/info", latency_ms=3000)
        started, slow = time.monotonic(), []
        thread = threading.Thread(target=lambda: slow.append(request("GET", self.info)))
        thread.start()
        while self.devnet.admin("GET", "/faults")["faults"][0]["count"]:
            pass
        self.assertEqual(request("GET", self.info).status, 200)
        self.assertEqual(slow, [])
        thread.join()
        self.assertEqual(slow[0].status, 200)
        self.assertGreaterEqual(time.monotonic() - started, 3)

    def test_cut_before_any_byte_and_within_the_body(self):
        self.devnet.fault(kind="cut", path="/domain/api/v1/info")
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
            request("GET", self.info)
        self.devnet.fault(kind="cut", path="/domain/api/v1/info", bytes=5)
        with self.assertRaises(http.client.IncompleteRead) as caught:
            request("GET", self.info)
        self.assertEqual(len(caught.exception.partial), 5)

    def test_cut_while_the_request_is_still_coming(self):
        self.devnet.fault(kind="cut", path="/dds/", request_bytes=10)
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
            request("POST", self.devnet.dds + "/internal/v1/nodes/register", b"x" * 1000000)

    def test_slow_body(self):
        self.devnet.fault(kind="slow", path="/domain/api/v1/info", bytes_per_second=100)
        started = time.monotonic()
        answer = request("GET", self.info)
        self.assertGreaterEqual(time.monotonic() - started, len(answer.body) / 100 * 0.9)

    def test_malformed_body(self):
        self.devnet.fault(kind="malformed", path="/domain/api/v1/info")
        answer = request("GET", self.info)
        self.assertEqual(answer.status, 200)
        with self.assertRaises(ValueError):
            answer.json

    def test_redirect(self):
        self.devnet.fault(kind="redirect", path="/domain/api/v1/info", location=self.devnet.env["TRAP_URL"] + "/x")
        answer = request("GET", self.info)
        self.assertEqual((answer.status, answer.headers["Location"]), (307, self.devnet.env["TRAP_URL"] + "/x"))

    def test_after_means_that_the_request_took_effect(self):
        job = self.devnet.create_job("/examples/after/v1")
        node = Node(self.devnet, ["/examples/after/v1"]).join()
        lease = node.begin()
        self.devnet.fault(kind="cut", when="after", path="/dms/v1/tasks/*/heartbeat")
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
            node.heartbeat(lease, {"percent": 1}, ["seen"])
        self.assertEqual(self.devnet.task(job["id"])["events"], ["seen"])
        self.devnet.fault(kind="cut", path="/dms/v1/tasks/*/heartbeat")
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
            node.heartbeat(lease, {"percent": 2}, ["unseen"])
        self.assertEqual(self.devnet.task(job["id"])["events"], ["seen"])
        node.complete(lease)

    def test_a_report_whose_answer_got_lost_does_not_end_the_next_lease(self):
        job = self.devnet.create_job("/examples/report/v1")
        node = Node(self.devnet, ["/examples/report/v1"]).join()
        lease = node.begin()
        self.devnet.fault(kind="status", when="after", path="/dms/v1/tasks/*/fail")
        self.assertEqual(node.fail(lease).status, 503)
        again = node.lease()
        answer = node.fail(lease)
        self.assertEqual((answer.status, answer.rule), (409, None))
        node.begin(again)
        self.assertEqual(node.complete(again).status, 200)
        self.assertEqual(self.devnet.job(job["id"])["status"], "completed")

    def test_probability_none_and_unknown_fields(self):
        self.devnet.fault(kind="status", path="/domain/", probability=0.0, count=-1)
        self.assertEqual({request("GET", self.info).status for _ in range(5)}, {200})
        for wrong in ({"kind": "boom"}, {"kind": "status", "stauts": 5}, {"kind": "redirect"}, {"kind": "status", "status": 1}):
            self.assertEqual(self.devnet.app("POST", self.devnet.admin_url + "/faults", [wrong]).status, 400)

    def test_the_log_of_requests_wakes_who_waits(self):
        last = self.devnet.admin("GET", "/requests")["last"]
        seen = []
        thread = threading.Thread(target=lambda: seen.append(self.devnet.wait_request("*/info", since=last)))
        thread.start()
        self.devnet.fault(kind="status", path="/domain/api/v1/info", status=500)
        request("GET", self.info)
        thread.join()
        self.assertEqual((seen[0]["method"], seen[0]["status"], seen[0]["fault"]), ("GET", 500, "status"))

    def test_records_have_the_documented_fields_and_filters(self):
        """README's table, field by field; path= is the name in filters, faults and records."""
        last = self.devnet.admin("GET", "/requests")["last"]
        self.devnet.fault(kind="status", path="*/info?x=1", method="GET", status=500)
        request("GET", self.info + "?x=1")
        request("PUT", self.info)
        record = self.devnet.wait_request("*/info?x=1", since=last)
        with open(os.path.join(HERE, "..", "devnet", "README.md")) as file:
            table = file.read().split("| field of a record |")[1].split("\n\n")[0]
        self.assertEqual(set(record), set(re.findall(r"^\| `([a-z_]+)`", table, re.M)))
        self.assertEqual((record["path"], record["fault"], record["rule"], record["task"]),
                         ("/domain/api/v1/info?x=1", "status", None, None))
        rows = self.devnet.admin("GET", f"/requests?since={last}&method=PUT&path=*/info")["requests"]
        self.assertEqual([(row["method"], row["rule"]) for row in rows], [("PUT", "request-method")])
        self.assertEqual(self.devnet.admin("GET", f"/requests?since={rows[0]['seq']}&path=*/info*")["requests"], [])
        broken = self.devnet.admin("GET", "/violations?path=*/info")["violations"]
        self.assertEqual([(row["path"], row["rule"]) for row in broken], [("/domain/api/v1/info", "request-method")])
        self.devnet.admin("DELETE", "/violations")

    def test_admin_needs_the_app_token(self):
        for path in ("/violations", "/requests", "/data", "/settings", "/faults", "/nodes", "/uploads"):
            self.assertEqual(request("GET", self.devnet.admin_url + path).status, 401)
        self.assertEqual(self.devnet.app("POST", self.devnet.admin_url + "/settings", {"no": 1}).status, 400)


if __name__ == "__main__":
    unittest.main()
