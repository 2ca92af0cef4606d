"""kill -9 of each service: it comes back, and the node goes on; a task that was running is not forgotten."""
import unittest
import uuid

import programs
from harness import NodeCase


class Idle(NodeCase):
    settings = {"restarts_allowed": True}

    def kill_and_work(self, service, registers=False):
        mark = self.node.kill(service)
        if registers:
            self.node.wait_ready(since=mark)
        self.assert_node_works()

    def test_authd_registers_and_logs_in_again(self):
        self.kill_and_work("authd", registers=True)

    def test_leased(self):
        self.kill_and_work("leased")

    def test_stored(self):
        self.kill_and_work("stored")

    def test_httpd_answers_again(self):
        self.kill_and_work("httpd")
        mark = self.node.log.mark()
        self.devnet.admin("POST", "/nodes/callback")
        self.node.log.wait("callback stored", since=mark)

    def test_runnerd(self):
        self.kill_and_work("runnerd")


class Working(NodeCase):
    begins_first = True
    options = ("--lease-ttl", "10")
    settings = {"restarts_allowed": True}

    def kill_while_running(self, service, max_attempts=2):
        """The job's first attempt waits at a gate and may be lost; the job's end."""
        gate, marker = self.node.gate(), "marker-" + uuid.uuid4().hex
        job = self.devnet.post(["daemon", marker, False], ["say", {"event": "ready"}], ["gate", gate.name],
                               ["write", "a.json", 9], max_attempts=max_attempts)
        self.devnet.wait_event(job, "ready")
        first = programs.mentioning(marker)
        self.node.kill(service)
        return job, gate, first

    def assert_done_again(self, job, gate, first):
        """The job of the lost attempt is dead, and the next attempt completes."""
        for pid in first:
            programs.wait_for_death(pid)
        # Once for the first attempt, should it not be quite dead yet, and once for the second.
        gate.open()
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["attempts"], 2)
        self.assert_node_works()

    def test_authd_and_the_job_does_not_notice(self):
        job, gate, _ = self.kill_while_running("authd")
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["attempts"], 1)

    def test_httpd_and_the_job_does_not_notice(self):
        job, gate, _ = self.kill_while_running("httpd")
        gate.open()
        self.assert_completed(self.devnet.wait_job(job))

    def test_leased(self):
        self.assert_done_again(*self.kill_while_running("leased"))

    def test_runnerd(self):
        self.assert_done_again(*self.kill_while_running("runnerd"))

    def test_stored_and_the_job_does_not_notice(self):
        job, gate, _ = self.kill_while_running("stored")
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["attempts"], 1)

    def test_the_whole_node_is_killed_and_started_again(self):
        node = self.own_node()
        pids = [node.pid(service) for service in programs.SERVICES]
        node.process.kill()
        node.process.wait()
        for pid in pids:
            programs.wait_for_death(pid)
        node.start()
        self.assert_node_works()


if __name__ == "__main__":
    unittest.main()
