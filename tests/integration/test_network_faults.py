"""A network that fails for a while: nothing is lost, nothing is done twice."""
import hashlib
import os
import unittest
import uuid

import harness
import programs
from harness import Network, NodeCase
from scripted_content import content


class Faults(NodeCase):

    def statuses(self, path, **query):
        return [row["status"] for row in self.devnet.requests(path, **query)]

    def test_a_report_is_repeated_until_dms_takes_it(self):
        self.devnet.fault(kind="status", path="/dms/v1/tasks/*/complete", status=503, retry_after=1, count=2)
        shown = self.devnet.run(["write", "a.json", 5])
        self.assert_completed(shown)
        self.assertEqual(self.devnet.reports(shown["tasks"][0]["id"]),
                         [("complete", 503), ("complete", 503), ("complete", 200)])

    def test_a_report_whose_answer_got_lost_counts(self):
        self.devnet.fault(kind="cut", path="/dms/v1/tasks/*/complete", when="after", count=1)
        shown = self.devnet.run(["write", "a.json", 5])
        self.assert_completed(shown)
        task = shown["tasks"][0]["id"]
        self.node.log.wait("completed with 1 artifact", task=task)
        self.node.log.wait("session closed", "stored", task=task)
        self.assertEqual(shown["tasks"][0]["attempts"], 1)

    def test_a_failure_too_is_repeated_until_dms_takes_it(self):
        self.devnet.fault(kind="status", path="/dms/v1/tasks/*/fail", status=500, count=1)
        shown = self.devnet.run(["exit", 4])
        self.assertEqual(shown["status"], "failed")
        self.assertEqual(self.devnet.reports(shown["tasks"][0]["id"]), [("fail", 500), ("fail", 200)])

    def test_a_report_that_is_finally_refused_is_not_repeated(self):
        self.devnet.fault(kind="status", path="/dms/v1/tasks/*/complete", status=400, count=1)
        job = self.devnet.post(["write", "a.json", 5])
        task = self.devnet.task(job)["id"]
        self.node.log.wait("DMS finally refused complete", task=task)
        self.node.log.wait("session closed", "stored", task=task)
        self.assertEqual(self.devnet.reports(self.devnet.task(job)["id"]), [("complete", 400)])

    def test_an_input_that_is_cut_short_is_fetched_again(self):
        domain, data = str(uuid.uuid4()), os.urandom(2000000)
        data_id = self.devnet.store(domain, "large", "bin", data)
        path = f"/domain/api/v1/domains/{domain}/data*"
        self.devnet.fault(kind="cut", method="GET", path=path, bytes=1000000, count=1)
        self.devnet.fault(kind="malformed", method="GET", path=path, count=1)
        self.devnet.fault(kind="status", method="GET", path=path, status=503, count=1)
        shown = self.devnet.run(["report_inputs"], domain=domain, inputs_cids=[data_id])
        (event,) = shown["tasks"][0]["events"]
        self.assertEqual(list(event["sha256"].values()), [hashlib.sha256(data).hexdigest()])
        self.node.wait_for_no_workspace()

    def test_only_the_part_that_failed_is_sent_again(self):
        domain = str(uuid.uuid4())
        self.devnet.fault(kind="status", method="PUT", path="*partNumber=2*", status=500, count=1)
        self.devnet.fault(kind="cut", method="PUT", path="*partNumber=3*", count=1, request_bytes=1000)
        shown = self.devnet.run(["write", "large.bin", 150000], domain=domain)
        self.assert_completed(shown)
        (row,) = self.devnet.stored(shown).values()
        self.assertEqual((row["parts"], row["sha256"]),
                         (5, hashlib.sha256(content("large.bin", 150000)).hexdigest()))
        sent = [len(self.statuses(f"*{domain}/*partNumber={number}")) for number in range(1, 6)]
        # A request that is cut while it comes is not logged.
        self.assertEqual(sent, [1, 2, 1, 1, 1])
        self.assertEqual(len(self.statuses(f"*{domain}/data/multipart?uploads*")), 1)

    def test_a_create_whose_answer_got_lost_makes_no_second_artifact(self):
        domain = str(uuid.uuid4())
        self.devnet.fault(kind="cut", method="POST", path=f"/domain/api/v1/domains/{domain}/data", when="after", count=1)
        shown = self.devnet.run(["write", "a.json", 500], domain=domain)
        self.assert_completed(shown)
        rows = [row for row in self.devnet.admin("GET", "/data")["data"] if row["domain_id"] == domain]
        self.assertEqual(len(rows), 1)

    def test_a_server_without_multipart_gets_the_small_form(self):
        self.devnet.settings(multipart=False)
        shown = self.devnet.run(["write", "large.bin", 150000])
        self.assert_completed(shown)
        self.assertEqual([row["stored_by"] for row in self.devnet.stored(shown).values()], ["small"])

    def test_a_redirect_to_another_origin_gets_no_token(self):
        domain = str(uuid.uuid4())
        data_id = self.devnet.store(domain, "a", "txt", b"a")
        self.devnet.fault(kind="redirect", method="GET", path=f"/domain/api/v1/domains/{domain}/data*",
                          location=self.devnet.env["TRAP_URL"] + "/stolen")
        shown = self.devnet.run(domain=domain, inputs_cids=[data_id])
        self.assertEqual(shown["status"], "failed")

    def test_a_refused_access_token_is_replaced_by_one_login(self):
        logins = len(self.statuses("*/auth/siwe/verify"))
        mark = self.node.log.mark()
        self.devnet.admin("POST", "/tokens/access/revoke")
        self.node.wait_ready(since=mark)
        self.assert_node_works()
        self.assertEqual(len(self.statuses("*/auth/siwe/verify")), logins + 1)

    def test_dms_away_for_a_while(self):
        self.devnet.fault(kind="status", method="GET", path="/dms/v1/tasks", status=500, count=3)
        self.devnet.fault(kind="cut", method="GET", path="/dms/v1/tasks", count=2)
        self.devnet.fault(kind="malformed", method="POST", path="/dds/internal/v1/auth/siwe/request", count=1)
        self.node.log.wait("DMS answers again")
        self.assert_node_works()


class Begin(unittest.TestCase):

    def test_a_node_that_starts_before_the_network_joins_it_later(self):
        port = programs.free_port()
        origin = f"http://127.0.0.1:{port}"
        node = harness.Node({"DDS_BASE_URL": origin + "/dds", "DMS_BASE_URL": origin + "/dms/v1/", "REG_SECRET": "joined"})
        self.addCleanup(node.remove)
        node.start(ready=False)
        node.log.wait("registration failed", "authd")
        status, output = node.health("authd")
        self.assertEqual(status, 1, output)
        devnet = Network("--listen", f"127.0.0.1:{port}", "--reg-secret", "joined")
        self.addCleanup(devnet.stop)
        node.wait_ready()
        self.assertEqual(devnet.run(["write", "a.json", 5])["status"], "completed")
        self.assertEqual(node.health("authd")[0], 0)
        node.check_end()
        devnet.check_end()


if __name__ == "__main__":
    unittest.main()
