"""Is it working? What the node waits for, in its log and to --health, and what it does not lease meanwhile."""
import glob
import os
import socket
import subprocess
import tempfile
import unittest

import programs
from harness import NOBODY, NOOP, SCRIPTED, NodeCase
from programs import SERVICES

READY, NOT_READY, NOT_RUNNING, NOT_ALLOWED = 0, 1, 69, 77
TASKS = "/dms/v1/tasks"
LOGINS = "*/auth/siwe/verify"
MEGABYTE = 1000000


def health(name, runtime, user=None):
    """What --health says of a service or, by posemesh-node, of all: (exit status, output)."""
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    done = subprocess.run([programs.program(name), "--health"], env={**programs.base_environment(), "POSEMESH_RUNTIME_DIR": runtime},
                          cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **identity)
    return done.returncode, done.stdout


class ReadyCase(NodeCase):
    variables = None

    def unready_node(self, **variables):
        node = self.make_node(**variables)
        self.addCleanup(node.check_end)
        return node

    def assert_waits(self, node, reason, level="warn", since=0):
        """Told in the log, and to who asks leased or all."""
        line = node.log.wait("node not ready: " + reason, "leased", since)
        self.assertEqual(line["level"], level)
        status, output = health("leased", node.runtime)
        self.assertEqual(status, NOT_READY, output)
        self.assertIn("leased: not ready: " + reason, output)
        status, output = health("node", node.runtime)
        self.assertEqual(status, NOT_READY, output)
        self.assertIn("leased   not ready: " + reason, output)

    def assert_becomes_ready(self, node, since):
        node.log.wait("node ready: ", "leased", since)
        for name in ("leased", "node"):
            programs.wait_until(lambda name=name: health(name, node.runtime)[0] == READY, f"{name} is ready")


class Waiting(ReadyCase):
    def test_for_a_capability(self):
        node = self.unready_node(ENABLE_NOOP="false")
        for path in glob.glob(os.path.join(node.runners, "*.json")):
            os.remove(path)
        node.start(ready=False)
        why = f"no capability: put a runner file into {node.runners} (POSEMESH_RUNNERS_DIR)"
        self.assert_waits(node, why)
        told = [line["service"] for line in node.log.find_all(why) if line["level"] == "warn"]
        self.assertEqual(told, ["leased"], "one of the two tells it")
        mark = node.log.mark()
        node.install_runner("scripted", SCRIPTED, ["/usr/bin/python3", "-B", "./scripted_job.py"])
        line = node.log.wait("node ready: ", "leased", mark)
        self.assertEqual(line["msg"], f"node ready: 1 capability ({SCRIPTED}), DMS answers")
        self.assert_becomes_ready(node, mark)
        self.assert_node_works()

    def test_for_a_login(self):
        self.devnet.fault(kind="status", path=LOGINS, status=500, count=-1)
        node = self.unready_node().start(ready=False)
        self.assert_waits(node, "cannot log in: POST ")
        status, output = health("authd", node.runtime)
        self.assertEqual(status, NOT_READY, output)
        self.assertIn("authd: not ready: cannot log in: POST ", output)
        self.assertNotIn("confined: ", output, "who is not ready has other worries")
        mark = node.log.mark()
        self.devnet.admin("DELETE", "/faults")
        self.assert_becomes_ready(node, mark)

    def test_for_dms(self):
        node = self.own_node()
        node.log.wait("node ready: ", "leased")
        mark = node.log.mark()
        self.devnet.fault(kind="status", method="GET", path=TASKS, status=503, count=-1)
        self.assert_waits(node, "DMS does not answer as it should: GET ", since=mark)
        mark = node.log.mark()
        self.devnet.admin("DELETE", "/faults")
        self.assert_becomes_ready(node, mark)

    def test_for_nothing_every_service_says_so(self):
        node = self.own_node()
        node.log.wait("node ready: ", "leased")
        programs.wait_until(lambda: health("node", node.runtime)[0] == READY, "all are ready")
        lines = health("node", node.runtime)[1].splitlines()
        self.assertEqual([line.split()[:2] for line in lines], [[name, "ready:"] for name in sorted_by_id()])
        self.assertEqual(node.log.find_all("node not ready"), [], "an ordinary start is no reason to cry")

    def test_in_a_drain(self):
        node = self.own_node(DRAIN_GRACE_SECS="60")
        gate = node.gate()
        job = self.devnet.post(["say", {"event": "ready"}], ["gate", gate.name])
        self.devnet.wait_event(job, "ready")
        node.terminate()
        self.assert_waits(node, "draining: 1 task left", level="info")
        gate.open()
        self.assertEqual(node.wait_exit(), 0)
        self.assertEqual(health("node", node.runtime)[0], NOT_RUNNING)


def sorted_by_id():
    return ["authd", "stored", "leased", "httpd", "runnerd"]


class FailingCapability(ReadyCase):
    def lease_and_fail(self, count):
        for _ in range(count):
            self.assertEqual(self.devnet.run(["exit", 1])["status"], "failed")

    def test_rests_while_others_work_and_is_tried_again(self):
        node = self.own_node()
        self.lease_and_fail(2)
        self.assertEqual(node.log.find_all("one job after another failed"), [])
        self.lease_and_fail(1)
        line = node.log.wait(f"capability {SCRIPTED}: one job after another failed within 10 s of its start; no lease of it for 10 s")
        self.assertEqual(line["level"], "warn")
        status, output = health("leased", node.runtime)
        self.assertEqual(status, READY, output)
        self.assertIn(f"{SCRIPTED} rests for ", output)
        waiting = self.devnet.post(["exit", 1])
        self.assert_completed(self.devnet.run(capability=NOOP))
        self.assertEqual(self.devnet.task(waiting)["attempts"], 0, "a capability that rests is leased no task")
        self.devnet.wait_job(waiting)
        node.log.wait("no lease of it for 20 s")

    def test_a_success_ends_the_count(self):
        node = self.own_node()
        self.lease_and_fail(2)
        self.assert_node_works()
        self.lease_and_fail(2)
        self.assert_node_works()
        self.assertEqual(node.log.find_all("one job after another failed"), [])

    def test_works_again_after_a_success(self):
        node = self.own_node()
        self.lease_and_fail(3)
        self.assert_node_works()
        node.log.wait(f"capability {SCRIPTED} works again")


@unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small file system")
class LowDisk(ReadyCase):
    """Without the reserve a task burns an attempt (test_full_disk)."""
    RESERVE_BYTES = 2 * MEGABYTE

    def small_node(self, options):
        node = self.make_node(DISK_RESERVE_BYTES=str(self.RESERVE_BYTES))
        os.mkdir(node.work)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options + ",mode=0755", "posemesh-test", node.work], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", node.work], check=True)
        self.addCleanup(node.check_end)
        return node

    def test_no_lease_until_there_is_room_again(self):
        node = self.small_node(f"size={4 * MEGABYTE}")
        node.start()
        self.assert_node_works()
        node.wait_for_no_workspace()
        node.log.wait("node ready: ", "leased")
        mark = node.log.mark()
        filler = os.path.join(node.work, "filler")
        with open(filler, "wb") as file:
            file.write(bytes(3 * MEGABYTE))
        self.assert_waits(node, "disk: ", since=mark)
        self.assertIn("(DISK_RESERVE_BYTES)", health("leased", node.runtime)[1])
        job = self.devnet.post(["write", "out.json", 10], max_attempts=3)
        self.wait_for_looks(node)
        self.assertEqual(self.devnet.task(job)["attempts"], 0)
        mark = node.log.mark()
        os.remove(filler)
        self.assert_becomes_ready(node, mark)
        self.assert_completed(self.devnet.wait_job(job))
        self.assertEqual(self.devnet.task(job)["attempts"], 1)

    def wait_for_looks(self, node):
        """Until leased has decided several times: the disk has fewer bytes each time that it is asked."""
        for size in (1000, 2000, 3000):
            with open(os.path.join(node.work, "more"), "wb") as file:
                file.write(bytes(size * 200))
            free = os.statvfs(node.work).f_bavail * os.statvfs(node.work).f_frsize / 2**10
            programs.wait_until(lambda free=free: f"disk: {free:.1f} KiB free" in health("leased", node.runtime)[1], "it has looked")
        os.remove(os.path.join(node.work, "more"))

    def test_nor_without_inodes(self):
        node = self.small_node("nr_inodes=9000").start()
        self.assert_waits(node, "disk: ")
        self.assertIn("(inodes, df -i)", health("leased", node.runtime)[1])


class Asking(unittest.TestCase):
    """Those who are not there, or not to be asked."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp"))
        os.chmod(self.folder, 0o755)

    def listen(self, service, backlog=5):
        """Somebody who takes connections and never says a word."""
        path = os.path.join(self.folder, service, "status")
        os.makedirs(path)
        listener = self.enterContext(socket.socket(socket.AF_UNIX))
        listener.bind(os.path.join(path, "sock"))
        os.chmod(os.path.join(path, "sock"), 0o666)
        listener.listen(backlog)
        return listener

    def assert_health(self, name, expected, *texts, user=None):
        status, output = health(name, self.folder, user)
        self.assertEqual(status, expected, output)
        for text in texts:
            self.assertIn(text, output)

    def test_nobody_is_there(self):
        for service in SERVICES:
            self.assert_health(service, NOT_RUNNING, f"{service}: not running: ")
        self.assert_health("node", NOT_RUNNING, *(f"{service:8} not running: " for service in SERVICES))

    def test_a_socket_that_was_left_behind(self):
        self.listen("leased").close()
        self.assert_health("leased", NOT_RUNNING, "not running: ")

    def test_one_that_hangs(self):
        self.listen("leased")
        self.assert_health("leased", NOT_READY, "not ready: it runs and does not answer")
        self.assert_health("node", NOT_READY, "authd    not running: ", "leased   not ready: it runs and does not answer")

    def test_one_that_hangs_with_a_full_queue(self):
        self.listen("leased", backlog=0)
        path = os.path.join(self.folder, "leased", "status", "sock")
        self.enterContext(socket.socket(socket.AF_UNIX)).connect(path)
        self.assert_health("leased", NOT_READY, "not ready: it runs and does not answer")

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be two users")
    def test_one_of_another_user(self):
        self.listen("leased")
        self.assert_health("leased", NOT_ALLOWED, f"not allowed: it runs as uid 0 and does not answer uid {NOBODY}", user=NOBODY)
        self.assert_health("node", NOT_ALLOWED, "not allowed: ", user=NOBODY)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be two users")
    def test_a_folder_that_is_closed_to_this_user(self):
        self.listen("leased")
        os.chmod(os.path.join(self.folder, "leased", "status"), 0o700)
        self.assert_health("leased", NOT_ALLOWED, f"not allowed: uid {NOBODY} may not ask at ", ": ask as root", user=NOBODY)


@unittest.skipUnless(os.geteuid() == 0, "needs root, to be two users")
class AskingANode(ReadyCase):
    def test_root_may_ask_a_users_node_and_a_user_may_not_ask_roots(self):
        of_user, of_root = self.own_node(user=NOBODY), self.own_node()
        for node in (of_user, of_root):
            programs.wait_until(lambda node=node: health("node", node.runtime)[0] == READY, "root may ask")
        self.assertEqual(health("node", of_user.runtime, NOBODY)[0], READY)
        status, output = health("node", of_root.runtime, NOBODY)
        self.assertEqual(status, NOT_ALLOWED, output)
        self.assertEqual(output.count("not allowed: "), len(SERVICES), output)


if __name__ == "__main__":
    unittest.main()
