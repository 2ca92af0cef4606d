"""A task whose workspace holds more than POSEMESH_WORKSPACE_MAX_BYTES fails alone."""
import os
import unittest
import uuid

import programs
import sockets
from harness import NodeCase

LIMIT = 4 << 20


class WorkspaceQuota(NodeCase):
    variables = {"POSEMESH_WORKSPACE_MAX_BYTES": str(LIMIT)}

    def failure_of(self, shown):
        self.assertEqual(shown["status"], "failed", shown)
        return shown["tasks"][0]["fail_reason"]

    def job_of(self, task):
        return programs.mentioning(f"POSEMESH_TASK_ID={task}")

    def test_a_job_that_writes_too_much_is_stopped_and_others_go_on(self):
        events = sockets.Subscriber(os.path.join(self.node.runtime, "stored", "events", "sock"))
        self.addCleanup(events.close)
        never, later = self.node.gate(), self.node.gate()
        greedy = self.devnet.post(["write", "large.bin", 2 * LIMIT], ["say", {"event": "written"}], ["gate", never.name])
        modest = self.devnet.post(["write", "small.bin", LIMIT // 4], ["say", {"event": "written"}], ["gate", later.name])
        for job in (greedy, modest):
            self.devnet.wait_event(job, "written")
        task = self.devnet.task(greedy)["id"]
        overrun = events.next("workspace_overrun")
        self.assertEqual((overrun["task_id"], overrun["limit_bytes"]), (task, LIMIT))
        self.assertGreater(overrun["used_bytes"], 2 * LIMIT)
        reason = self.failure_of(self.devnet.wait_job(greedy))
        self.assertRegex(reason, rf"^the workspace has \d+ bytes, the limit is {LIMIT} \(disk_full\)$")
        self.assertEqual(self.job_of(task), [])
        self.assertNotEqual(self.job_of(self.devnet.task(modest)["id"]), [])
        programs.wait_until(lambda: task not in os.listdir(self.node.work), "the workspace is removed")
        later.open()
        self.assert_completed(self.devnet.wait_job(modest))
        self.assertEqual([line["task_id"] for line in self.node.log.find_all("session cancelled: the workspace", "stored")], [task])
        self.node.wait_for_no_workspace()

    def test_temporary_files_count(self):
        shown = self.devnet.run(["temporary", 2 * LIMIT], ["gate", self.node.gate().name])
        self.assertRegex(self.failure_of(shown), rf"^the workspace has \d+ bytes, the limit is {LIMIT} \(disk_full\)$")
        self.node.wait_for_no_workspace()

    @unittest.skipUnless(os.geteuid() == 0, "needs root, for services with users of their own")
    def test_a_folder_that_a_job_closes_harms_nothing(self):
        gate = self.node.gate()
        job = self.devnet.post(["write", "closed/a", 10], ["close", "closed"], ["write", "closed/b", 2 * LIMIT], ["gate", gate.name])
        self.node.log.wait("counted only as far as it can be seen: closed: Permission denied", "stored")
        self.failure_of(self.devnet.run(["write", "large.bin", 2 * LIMIT], ["gate", self.node.gate().name]))
        self.assertEqual(len(self.node.log.find_all("only as far as it can be seen", "stored")), 1)
        gate.open()
        # At the job's end its host opens the folder for stored, which stores what is in it, or counts it before.
        ended = self.devnet.wait_job(job)
        self.assertTrue(ended["status"] == "completed" or "disk_full" in self.failure_of(ended), ended)
        self.node.wait_for_no_workspace()

    def test_an_input_that_announces_too_much_fails_at_once(self):
        domain = str(uuid.uuid4())
        large = self.devnet.store(domain, "large", "bin", bytes(2 * LIMIT))
        small = self.devnet.store(domain, "small", "bin", b"fits")
        shown = self.devnet.run(["report_inputs"], domain=domain, inputs_cids=[large])
        self.assertIn("disk_full", self.failure_of(shown))
        self.assertEqual(self.node.log.find_all("session cancelled", "stored"), [])
        self.assert_completed(self.devnet.run(["report_inputs"], domain=domain, inputs_cids=[small]))
        self.node.wait_for_no_workspace()

    def test_several_inputs_may_be_too_much_together(self):
        domain, gate = str(uuid.uuid4()), self.node.gate()
        inputs = [self.devnet.store(domain, f"i{number}", "bin", bytes(LIMIT // 2)) for number in range(3)]
        shown = self.devnet.run(["gate", gate.name], domain=domain, inputs_cids=inputs)
        self.assertIn("disk_full", self.failure_of(shown))
        self.node.wait_for_no_workspace()


if __name__ == "__main__":
    unittest.main()
