"""Who the services run as, and two nodes side by side."""
import os
import unittest

import programs
from harness import NOBODY, NodeCase
from programs import SERVICES


def uid_of(pid):
    return os.stat(f"/proc/{pid}/cmdline").st_uid if False else int(
        next(line for line in open(f"/proc/{pid}/status") if line.startswith("Uid:")).split()[1])


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

    def test_two_nodes_share_the_work_and_do_not_disturb_each_other(self):
        nodes = [self.own_node(MAX_CONCURRENCY="1") for _ in range(2)]
        gates = [node.gate() for node in nodes]
        jobs = [self.devnet.post(["say", {"event": "ready"}], ["gate", gate.name], ["write", "a.json", 5],
                                 capability="/test/of-both/v1") for gate in []]
        self.assertEqual(jobs, [])
        for _ in range(6):
            jobs.append(self.devnet.post(["write", "a.json", 5]))
        for job in jobs:
            self.assert_completed(self.devnet.wait_job(job))
        self.assertEqual(len(self.devnet.admin("GET", "/nodes")["nodes"]) >= 2, True)
        del gates


if __name__ == "__main__":
    unittest.main()
