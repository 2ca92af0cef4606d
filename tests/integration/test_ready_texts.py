"""What is not ready names what is to be looked at: the setting, the runner file, the address that DDS cannot reach."""
import glob
import os
import signal
import socket
import unittest

import programs
from harness import SCRIPTED
from test_ready import ReadyCase, health


def closed_port():
    """A port that nobody listens at, and that is taken so that nobody will."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken, taken.getsockname()[1]


class Texts(ReadyCase):
    def dead_url(self, path=""):
        taken, port = closed_port()
        self.addCleanup(taken.close)
        return f"http://127.0.0.1:{port}/{path}".rstrip("/")

    def refuse(self, path, status):
        self.devnet.fault(kind="status", path=path, status=status, count=-1)

    def assert_both_say(self, node, reason):
        """authd, and leased in its place once in the log."""
        self.assert_waits(node, reason)
        programs.wait_until(lambda: f"authd: not ready: {reason}" in health("authd", node.runtime)[1], "authd says so")


class Dds(Texts):
    def test_a_wrong_secret(self):
        self.refuse("*/nodes/register", 403)
        node = self.unready_node().start(ready=False)
        self.assert_both_say(node, "not registered: POST ")
        for name in ("authd", "leased"):
            self.assertIn("answered 403 (is REG_SECRET right?): ", health(name, node.runtime)[1])

    def test_a_wrong_base_url(self):
        self.refuse("*/nodes/register", 404)
        node = self.unready_node().start(ready=False)
        self.assert_both_say(node, "not registered: POST ")
        self.assertIn("answered 404 (is DDS_BASE_URL right?)", health("leased", node.runtime)[1])

    def test_nobody_is_there(self):
        node = self.unready_node(DDS_BASE_URL=self.dead_url("dds")).start(ready=False)
        self.assert_both_say(node, "not registered: cannot reach DDS (DDS_BASE_URL): POST ")

    def test_the_same_failure_is_one_line(self):
        self.refuse("*/nodes/register", 500)
        node = self.unready_node().start(ready=False)
        lines = [node.log.wait("registration failed", "authd")]
        node.log.wait("registration failed", "authd", node.log.lines.index(lines[0]) + 1)
        self.assertEqual([line["level"] for line in node.log.find_all("registration failed")][:2], ["warn", "debug"])

    def test_a_callback_that_cannot_arrive(self):
        url = self.dead_url()
        node = self.unready_node(NODE_URL=url).start(ready=False)
        line = node.log.wait("waiting for DDS's callback at " + url, "authd")
        self.assertEqual(line["level"], "info")
        self.assert_both_say(node, f"waiting for DDS's callback at {url} (NODE_URL): is HTTP_LISTEN of this machine reached there?")


class Robot(Texts):
    flow = "robot"

    def test_wrong_credentials(self):
        self.refuse("*/robots/register", 403)
        node = self.unready_node(REGISTRATION_FLOW="robot").start(ready=False)
        self.assert_both_say(node, "not registered: POST ")
        self.assertIn("(are ROBOT_REGISTRATION_CREDENTIALS right?)", health("leased", node.runtime)[1])


class Dms(Texts):
    def test_a_wrong_base_url(self):
        url = self.devnet.env["DMS_BASE_URL"]
        self.refuse("/dms/v1/tasks", 404)
        node = self.unready_node().start(ready=False)
        self.assert_waits(node, f"DMS answers GET {url}/tasks with 404: is DMS_BASE_URL right?")

    def test_nobody_is_there(self):
        node = self.unready_node(DMS_BASE_URL=self.dead_url("dms")).start(ready=False)
        self.assert_waits(node, "cannot reach DMS (DMS_BASE_URL): GET ")

    def test_a_heartbeat_tells_it_where_no_slot_is_left_to_poll_for(self):
        # Longer than what is waited for below takes.
        self.devnet.settings(lease_ttl_ms=60000)
        node = self.own_node(MAX_CONCURRENCY="1", HEARTBEAT_MIN_RATIO="0.01", HEARTBEAT_MAX_RATIO="0.02")
        gate = node.gate()
        job = self.devnet.post(["say", {"event": "ready"}], ["gate", gate.name])
        self.devnet.wait_event(job, "ready")
        mark = node.log.mark()
        self.devnet.fault(kind="status", path="/dms/v1/tasks/*/heartbeat", status=503, count=-1)
        self.assert_waits(node, "DMS does not answer as it should: POST ", since=mark)
        mark = node.log.mark()
        self.devnet.admin("DELETE", "/faults")
        self.assert_becomes_ready(node, mark)
        gate.open()
        self.assert_completed(self.devnet.wait_job(job))


class Host(Texts):
    def test_a_program_that_is_missing(self):
        node = self.unready_node(ENABLE_NOOP="false")
        for path in glob.glob(os.path.join(node.runners, "*.json")):
            os.remove(path)
        node.install_runner("scripted", SCRIPTED, ["./gone"])
        node.start(ready=False)
        self.assert_waits(node, "no capability works: scripted.json: cannot start ")


class Ends(Texts):
    def test_a_failure_is_told_by_its_host_and_with_its_report(self):
        node = self.own_node()
        self.assertEqual(self.devnet.run(["exit", 7])["status"], "failed")
        node.log.wait("reported as failed", "leased")
        self.assertEqual({line["service"] for line in node.log.find_all("the job failed") if line["level"] != "debug"}, {"runnerd"})

    def test_a_second_signal_is_called_so(self):
        node = self.own_node(DRAIN_GRACE_SECS="600")
        gate = node.gate()
        job = self.devnet.post(["say", {"event": "ready"}], ["gate", gate.name])
        self.devnet.wait_event(job, "ready")
        node.process.send_signal(signal.SIGINT)
        node.log.wait("draining: 1 lease held; a second signal cancels what runs")
        node.process.send_signal(signal.SIGINT)
        self.assertEqual(node.wait_exit(), 0)
        node.log.wait("asked once more to end, and not to wait: running jobs are cancelled")
        self.assertEqual(node.log.find_all("grace (DRAIN_GRACE_SECS) is over"), [])


if __name__ == "__main__":
    unittest.main()
