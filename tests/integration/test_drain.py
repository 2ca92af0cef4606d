"""SIGTERM: what runs gets its grace, and the node ends with 0 whatever happens."""
import signal
import unittest

import programs
from harness import NodeCase


class Drain(NodeCase):
    begins_first = True
    variables = None

    def start_job(self, grace_secs, *steps, **variables):
        """A node of its own whose job waits at a gate: (node, job, gate)."""
        node = self.own_node(DRAIN_GRACE_SECS=str(grace_secs), **variables)
        gate = node.gate()
        job = self.devnet.post(*steps, ["say", {"event": "ready"}], ["gate", gate.name], ["write", "a.json", 7])
        self.devnet.wait_event(job, "ready")
        return node, job, gate

    def assert_drained_as_failed(self, node, job):
        self.assertEqual(node.wait_exit(), 0)
        shown = self.devnet.wait_job(job)
        self.assertEqual((shown["status"], shown["tasks"][0]["fail_reason"]), ("failed", "node_draining"))

    def test_a_job_that_ends_within_the_grace_is_completed(self):
        # The job has the only slot: no poll is under way that the next one could cross.
        node, job, gate = self.start_job(60, MAX_CONCURRENCY="1")
        node.terminate()
        node.log.wait("draining: 1 lease held")
        waiting = self.devnet.post(["write", "b.json", 1])
        gate.open()
        self.assertEqual(node.wait_exit(), 0)
        self.assert_completed(self.devnet.wait_job(job))
        self.assertEqual(self.devnet.task(waiting)["attempts"], 0, "a draining node takes no new lease")

    def test_a_lease_that_crosses_the_drain_is_failed_as_a_set_up(self):
        """No heartbeat was sent for it: only its set-up can have failed (docs/network.md 3.2)."""
        node = self.own_node()
        job = self.devnet.post(["write", "a.json", 1], max_attempts=1)
        self.assert_completed(self.devnet.wait_job(job))
        self.devnet.fault(kind="latency", method="GET", path="/dms/v1/tasks", when="after", latency_ms=1500, count=-1)
        job = self.devnet.post(["write", "b.json", 1])
        programs.wait_until(lambda: self.devnet.task(job)["attempts"] == 1, "DMS has leased it")
        node.terminate()
        self.assertEqual(node.wait_exit(), 0)
        task = self.devnet.wait_job(job)["tasks"][0]
        self.assertEqual((task["status"], task["fail_reason"]), ("failed", "node_setup_failed"))
        self.assertIn("node_draining", str(task))

    def test_a_job_that_needs_longer_is_failed(self):
        node, job, _ = self.start_job(1)
        node.terminate()
        self.assert_drained_as_failed(node, job)

    def test_a_job_that_ignores_sigterm_is_killed(self):
        node, job, _ = self.start_job(0, ["deaf"])
        node.terminate()
        self.assert_drained_as_failed(node, job)

    def test_a_second_signal_hurries(self):
        node, job, _ = self.start_job(600)
        node.process.send_signal(signal.SIGINT)
        node.log.wait("draining: 1 lease held")
        node.process.send_signal(signal.SIGINT)
        self.assert_drained_as_failed(node, job)

    def test_an_upload_in_flight_within_the_grace_is_finished(self):
        node = self.own_node(DRAIN_GRACE_SECS="60")
        self.devnet.fault(kind="latency", method="PUT", path="*partNumber=*", latency_ms=300, count=-1)
        job = self.devnet.post(["write", "large.bin", 300000])
        self.assertTrue(self.devnet.requests("*partNumber=*", wait_ms=20000))
        node.terminate()
        self.assertEqual(node.wait_exit(), 0)
        self.assert_completed(self.devnet.wait_job(job))

    def test_with_dms_away_it_lasts_no_longer_than_its_bound(self):
        node, _, _ = self.start_job(1)
        self.devnet.fault(kind="status", path="/dms/v1/tasks*", status=503, count=-1)
        node.terminate()
        self.assertEqual(node.wait_exit(), 0)
        # The lease was still held, and so was its workspace: the next start removes it.
        node.start()
        node.wait_for_no_workspace()

    def test_a_node_that_has_not_joined_yet_ends_at_once(self):
        self.devnet.fault(kind="status", path="/dds/*", status=500, count=-1)
        node = self.make_node()
        self.addCleanup(node.check_end)
        node.start(ready=False)
        node.log.wait("registration failed")
        node.terminate()
        self.assertEqual(node.wait_exit(), 0)


if __name__ == "__main__":
    unittest.main()
