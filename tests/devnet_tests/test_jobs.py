"""Jobs and their tasks: edges, leases that run out, requeueing, cancelling, rotation."""
import time
import unittest

from client import Node
from network import Devnet


class Jobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.devnet = Devnet()

    @classmethod
    def tearDownClass(cls):
        status, output = cls.devnet.stop()
        assert (status, output) == (0, ""), (status, output)

    def setUp(self):
        self.capability = f"/examples/{self.id().rsplit('.', 1)[1]}/v1"
        self.node = Node(self.devnet, [self.capability]).join()

    def finish(self, lease, path="out.json"):
        self.node.upload(lease, path, b"{}")
        self.assertEqual(self.node.complete(lease).status, 200)
        return lease.artifacts[-1]["id"]

    def test_a_task_waits_for_all_its_predecessors_and_reads_their_outputs(self):
        job = self.devnet.create_job(self.capability, tasks=3, inputs_cids=["seed"],
                                     edges=[["t0", "t2"], ["t1", "t2"]])
        first, second = self.node.begin(), self.node.begin()
        self.assertIsNone(self.node.lease())
        made = [self.finish(first)]
        self.assertIsNone(self.node.lease())
        made.append(self.finish(second))
        third = self.node.begin()
        self.assertEqual(third.task["inputs_cids"], ["seed", *made])
        self.finish(third)
        self.assertEqual(self.devnet.job(job["id"], wait_ms=10000)["status"], "completed")

    def edges_of(self, edges, stages):
        """{label: deps_remaining} of a job with a task t0, t1, ... for each stage."""
        body = {"label": "j", "domain_id": "d", "priority": 0, "meta": {}, "edges": edges, "tasks": [
            {"label": f"t{i}", "stage": stage, "capability": self.capability, "capability_filters": {}, "priority": 0,
             "inputs_cids": [], "outputs_prefix": "", "mode": "public", "meta": {}, "max_attempts": 1}
            for i, stage in enumerate(stages)]}
        answer = self.devnet.app("POST", self.devnet.dms + "/jobs", body)
        if answer.status != 201:
            return answer.status
        self.assertEqual(answer.json["job_id"], answer.json["id"])
        tasks = self.devnet.job(answer.json["job_id"])["tasks"]
        self.devnet.app("POST", f"{self.devnet.dms}/jobs/{answer.json['id']}/cancel")
        return [task["deps_remaining"] for task in tasks]

    def test_edges_are_pairs_or_objects_and_name_labels_or_stages(self):
        for edges, waits in (([["t0", "t2"]], [0, 0, 1, 0]),
                             ([{"from": "t0", "to": "t2"}], [0, 0, 1, 0]),
                             ([{"to": "t2", "from": "t0"}, ["t1", "t2"]], [0, 0, 2, 0]),
                             ([["scan", "merge"]], [0, 0, 2, 0]),
                             ([{"from": "scan", "to": "merge"}, ["t0", "t2"], ["merge", "t3"]], [0, 0, 2, 1]),
                             ([["t3", "scan"]], [1, 1, 0, 0])):
            self.assertEqual(self.edges_of(edges, ["scan", "scan", "merge", "last"]), waits, edges)
        self.assertEqual(self.edges_of([["t1", "x"]], ["t1", "y", "x"]), [0, 0, 1], "a label goes before a stage")

    def test_edges_of_other_shapes_are_declined(self):
        for edges in (["t0"], [1], [["t0"]], [["t0", "t1", "t2"]], [["t0", 1]], [{"from": "t0"}], [["t0", "never"]], None,
                      [{"from": "t0", "to": "t1", "when": "done"}], [{"from": "t0", "to": None}], {"from": "t0", "to": "t1"},
                      [["scan", "t0"]], [["scan", "scan"]]):
            self.assertEqual(self.edges_of(edges, ["scan", "scan", "merge"]), 400, edges)

    def test_a_job_ends_when_a_task_was_cancelled_in_its_envelope(self):
        """What waits for it is cancelled with it; what does not is done, and decides nothing."""
        job = self.devnet.create_job(self.capability, tasks=4, edges=[["t0", "t1"], ["t1", "t2"]])
        self.devnet.admin("POST", "/overrides/lease", {"patch": {"cancel": True}})
        self.assertTrue(self.node.lease().envelope["cancel"])
        shown = self.devnet.job(job["id"])
        self.assertEqual([task["status"] for task in shown["tasks"]], ["cancelled"] * 3 + ["pending"])
        self.assertEqual(shown["status"], "open")
        self.finish(self.node.begin())
        self.assertEqual(self.devnet.job(job["id"], wait_ms=10000)["status"], "cancelled")

    def test_a_job_of_failed_and_cancelled_tasks_has_failed(self):
        job = self.devnet.create_job(self.capability, tasks=2, max_attempts=1)
        self.devnet.admin("POST", "/overrides/lease", {"patch": {"cancel": True}})
        self.node.lease()
        lease = self.node.begin()
        self.assertEqual(self.node.fail(lease).status, 200)
        shown = self.devnet.job(job["id"])
        self.assertEqual((shown["status"], [task["status"] for task in shown["tasks"]]), ("failed", ["cancelled", "failed"]))

    def test_a_failed_attempt_is_leased_again_until_the_last(self):
        job = self.devnet.create_job(self.capability, tasks=2, max_attempts=2, edges=[["t0", "t1"]])
        for attempt in (1, 2):
            lease = self.node.begin()
            self.assertEqual(lease.task["attempts"], attempt)
            self.assertEqual(self.node.fail(lease, self.node.failure(lease, f"broke {attempt}")).status, 200)
        self.assertIsNone(self.node.lease())
        shown = self.devnet.job(job["id"])
        self.assertEqual((shown["status"], shown["tasks"][0]["fail_reason"]), ("failed", "broke 2"))
        self.assertEqual([task["status"] for task in shown["tasks"]], ["failed", "cancelled"])

    def test_a_lease_that_runs_out_is_requeued_and_the_old_one_is_gone(self):
        job = self.devnet.create_job(self.capability)
        lease = self.node.lease()
        self.devnet.settings(lease_ttl_ms=200)
        self.addCleanup(lambda: self.devnet.settings(lease_ttl_ms=60000))
        self.node.begin(lease)
        other = Node(self.devnet, [self.capability]).join()
        again = None
        deadline = time.monotonic() + 20
        while not again and time.monotonic() < deadline:
            again = other.lease()
        self.assertEqual(again.task["attempts"], 2)
        self.assertEqual(self.node.heartbeat(lease).status, 409)
        self.assertEqual(self.devnet.task(job["id"])["attempts"], 2)

    def test_heartbeats_keep_a_lease(self):
        self.devnet.create_job(self.capability)
        lease = self.node.begin()
        first = self.node.heartbeat(lease).json["lease_expires_at"]
        self.assertGreaterEqual(self.node.heartbeat(lease).json["lease_expires_at"], first)
        self.assertGreater(first, lease.envelope["lease_expires_at"])

    def test_a_cancel_is_told_with_the_next_heartbeat(self):
        job = self.devnet.create_job(self.capability, tasks=2)
        lease = self.node.begin()
        self.devnet.app("POST", f"{self.devnet.dms}/jobs/{job['id']}/cancel")
        self.assertIsNone(self.node.lease())
        upload = self.node.start_multipart(lease).json["upload_id"]
        self.assertTrue(self.node.heartbeat(lease).json["cancel"])
        self.assertEqual(self.node.abort_multipart(lease, upload).status, 204)
        self.assertEqual(self.devnet.job(job["id"])["status"], "cancelled")

    def test_a_report_that_crosses_the_cancel_is_declined_without_blame(self):
        job = self.devnet.create_job(self.capability)
        lease = self.node.begin()
        self.devnet.app("POST", f"{self.devnet.dms}/jobs/{job['id']}/cancel")
        self.node.heartbeat(lease)
        answer = self.node.complete(lease)
        self.assertEqual((answer.status, answer.rule), (409, None))

    def test_revoked_tokens_are_replaced_by_the_next_heartbeat(self):
        self.devnet.create_job(self.capability)
        lease = self.node.begin()
        old = lease.token
        self.devnet.admin("POST", "/tokens/domain/revoke")
        self.assertEqual(self.node.read(lease, "?ids=x").status, 401)
        self.node.heartbeat(lease)
        self.assertNotEqual(lease.token, old)
        self.assertEqual(self.node.read(lease, "?ids=x").status, 404)
        self.node.complete(lease)

    def test_domain_tokens_rotate_when_half_of_their_time_is_gone(self):
        self.devnet.settings(domain_token_ttl_ms=0)
        self.addCleanup(lambda: self.devnet.settings(domain_token_ttl_ms=3600000))
        self.devnet.create_job(self.capability)
        lease = self.node.lease()
        self.devnet.settings(domain_token_ttl_ms=3600000)
        old = lease.token
        self.node.begin(lease)
        self.assertNotEqual(lease.token, old)
        self.node.complete(lease)

    def test_an_expired_access_token_is_refused_once_without_blame(self):
        self.devnet.settings(access_token_ttl_ms=0)
        self.addCleanup(lambda: self.devnet.settings(access_token_ttl_ms=3600000))
        self.node.login()
        answer = self.node.dms("GET", "/tasks")
        self.assertEqual((answer.status, answer.rule), (401, None))

    def test_jobs_need_the_app_token_and_their_fields(self):
        self.assertEqual(self.node.dms("POST", "/jobs", {}).status, 401)
        for body in ({}, {"label": "l", "domain_id": "d", "priority": 0, "meta": {}, "tasks": [], "edges": []},
                     {"label": "l", "domain_id": "d", "priority": 0, "meta": {}, "tasks": [{"label": "t"}], "edges": []}):
            self.assertEqual(self.devnet.app("POST", self.devnet.dms + "/jobs", body).status, 400)


if __name__ == "__main__":
    unittest.main()
