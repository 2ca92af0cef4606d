"""Who the services run as, and two nodes side by side."""
import os
import shutil
import tempfile
import unittest
import unittest.mock

import programs
from harness import NOBODY, NodeCase
from programs import SERVICES


def uid_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith("Uid:")).split()[1])


class Users(NodeCase):
    variables = None

    def test_an_ordinary_user_is_told_that_nothing_isolates(self):
        node = self.own_node(user=NOBODY if os.geteuid() == 0 else None)
        line = node.log.wait("nothing isolates", "node")
        self.assertEqual(line["level"], "warn")
        self.assertEqual(len({uid_of(node.pid(service)) for service in SERVICES}), 1)
        self.assert_completed(self.devnet.run(["write", "small.json", 5], ["write", "large.bin", 100000]))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_root_gives_each_service_a_user_of_its_own(self):
        node = self.own_node(POSEMESH_UID_BASE="70000")
        uids = [uid_of(node.pid(service)) for service in SERVICES]
        self.assertEqual(len(set(uids)), 5)
        self.assertTrue(all(uid > 70000 for uid in uids), uids)
        self.assertEqual(node.log.find_all("nothing isolates"), [])
        shown = self.devnet.run(["report_task"])
        self.assertEqual(shown["tasks"][0]["events"][0]["uid"], uid_of(node.pid("runnerd")))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_jobs_run_when_the_programs_lie_where_only_root_can_go(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        closed = shutil.copytree(programs.BIN, os.path.join(folder, "bin"))
        with unittest.mock.patch.object(programs, "BIN", closed):
            self.own_node()
        self.assert_completed(self.devnet.run(["write", "small.json", 5]))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_outputs_of_any_mode_are_stored_and_trees_of_any_mode_are_removed(self):
        """stored is another user than the job, and reads as the group."""
        node = self.own_node()
        for file_mode, folder_mode in ((0o600, 0o700), (0o000, 0o000), (0o400, 0o500), (0o200, 0o300)):
            with self.subTest(file=oct(file_mode), folder=oct(folder_mode)):
                shown = self.devnet.run(
                    ["write", "a.json", 5], ["write", "x/b.json", 5], ["write", "x/y/c.bin", 100000],
                    ["mode", "a.json", file_mode], ["mode", "x/b.json", file_mode], ["mode", "x/y/c.bin", file_mode],
                    ["mode", "x/y", folder_mode], ["mode", "x", folder_mode])
                self.assert_completed(shown)
                self.assertEqual(sorted(self.devnet.stored(shown)),
                                 ["jobs/42/a.json", "jobs/42/x/b.json", "jobs/42/x/y/c.bin"])
        node.wait_for_no_workspace()

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_a_deep_tree_without_permissions_is_removed(self):
        node = self.own_node()
        deep = "/".join(["d"] * 60)
        modes = [["mode", "/".join(["d"] * depth), 0o500] for depth in range(60, 0, -1)]
        shown = self.devnet.run(["write", deep + "/a.json", 5], *modes, ["exit", 3])
        self.assertEqual(shown["status"], "failed", shown)
        node.wait_for_no_workspace()

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_what_only_a_killed_runner_host_could_remove_is_removed_by_the_next(self):
        node = self.own_node()
        gate = node.gate()
        job = self.devnet.post(["write", "x/a.json", 5], ["mode", "x", 0o700], ["say", {"event": "ready"}], ["gate", gate.name])
        self.devnet.wait_event(job, "ready")
        node.kill("runnerd")
        self.assertEqual(self.devnet.wait_job(job)["status"], "failed")
        node.wait_for_no_workspace()

    def test_two_nodes_share_the_work_and_do_not_disturb_each_other(self):
        for _ in range(2):
            self.own_node(MAX_CONCURRENCY="1", ENABLE_NOOP="false")
        gates = [node.gate() for node in self.nodes]
        # Each job waits, so that the other node must take the second.
        steps = ["gate_of", {node.gates: gate.name for node, gate in zip(self.nodes, gates)}]
        jobs = [self.devnet.post(["say", {"event": "ready"}], steps, ["write", "a.json", 5]) for _ in range(2)]
        for job in jobs:
            self.devnet.wait_event(job, "ready")
        self.assertEqual(len({self.devnet.task(job)["lease"]["node"] for job in jobs}), 2)
        for gate in gates:
            gate.open()
        for job in jobs:
            self.assert_completed(self.devnet.wait_job(job))


if __name__ == "__main__":
    unittest.main()
