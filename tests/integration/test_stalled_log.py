"""The node's log, when nobody reads it: work goes on, what is dropped is counted and told, and the node stops all the same."""
import os
import re
import signal
import unittest

import harness
import programs

DROPPED = re.compile(r"^(\d+) lines? of the log w(?:as|ere) dropped")
LINE = "a job's line " * 40 + "\n"


class StalledLog(harness.NodeCase):
    variables = None

    def stalled(self, **variables):
        """A node whose log is full, and that nobody reads: the pipe, and what runnerd may keep of its jobs."""
        node = self.start_node(**variables)
        self.addCleanup(node.check_end)
        self.addCleanup(node.log.release)
        node.log.hold()
        self.assert_completed(self.devnet.run(["repeat", LINE, 6000], tasks=4))
        return node

    def dropped(self, node, service):
        return sum(int(DROPPED.match(line["msg"])[1]) for line in node.log.find_all("of the log w", service))

    def test_jobs_complete_while_nobody_reads_and_what_is_dropped_is_counted(self):
        node = self.stalled()
        self.assert_completed(self.devnet.run(["print", "unread"], ["write", "out.json", 100000], tasks=4))
        node.log.release()
        node.log.wait("of the log w", "runnerd")
        mark = node.log.mark()
        shown = self.devnet.run(["print", "read again"])
        self.assert_completed(shown)
        node.log.wait("the job is done", "runnerd", since=mark)
        self.assertEqual(node.log.wait("read again", "runnerd")["source"], "job")
        # Each line is there, left out by its job's budget, or dropped; a few lines are runnerd's own.
        there = [line for line in node.log.find_all("a job's line", "runnerd") if line.get("source") == "job"]
        self.assertGreater(len(there), 1000)
        self.assertGreater(self.dropped(node, "runnerd"), 1000)

    def test_a_service_that_is_killed_meanwhile_comes_back_and_works(self):
        node = self.stalled(LOG_LEVEL="info")
        for service in ("runnerd", "stored", "leased"):
            killed = node.pid(service)
            os.kill(killed, signal.SIGKILL)
            programs.wait_for_death(killed)
            programs.wait_until(lambda: node.health(service)[0] == 0, f"{service} runs again")
        self.assert_completed(self.devnet.run(["print", "unread"]))

    def test_the_node_stops_although_nobody_reads_its_log(self):
        node = self.stalled()
        node.terminate()
        self.assertEqual(node.wait_exit(), 0)


if __name__ == "__main__":
    unittest.main()
