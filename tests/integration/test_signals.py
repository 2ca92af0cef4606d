"""Terminals that close, and what service managers send: no signal to posemesh-node costs a task."""
import fcntl
import os
import pty
import shutil
import signal
import tempfile
import termios
import unittest
import unittest.mock

import programs
from harness import NodeCase
from programs import SERVICES

INTERRUPT, QUIT = b"\x03", b"\x1c"  # Ctrl-C and Ctrl-\


def take_terminal(on_hangup=signal.SIG_DFL):
    """In a process that begins a session: stdin is its terminal."""
    signal.signal(signal.SIGHUP, on_hangup)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Signals(NodeCase):
    begins_first = True
    variables = None

    def start_in_terminal(self, on_hangup=signal.SIG_DFL, **how):
        """A node whose terminal it is, as that of a session's leader: (node, the other end of the terminal)."""
        end, terminal = pty.openpty()
        node = self.make_node(DRAIN_GRACE_SECS="600")
        self.addCleanup(node.check_end)
        node.start(stdin=terminal, start_new_session=True, preexec_fn=lambda: take_terminal(on_hangup), **how)
        os.close(terminal)
        return node, end

    def start_without_terminal(self, node, **how):
        """Whatever the tests themselves were started from."""
        return node.start(start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL), **how)

    def start_job(self, node):
        gate = node.gate()
        job = self.devnet.post(["say", {"event": "ready"}], ["gate", gate.name], ["write", "a.json", 7])
        self.devnet.wait_event(job, "ready")
        return job, gate

    def assert_drains(self, node, job, gate):
        node.log.wait("draining: 1 lease held")
        gate.open()
        self.assertEqual(node.wait_exit(), 0)
        self.assert_completed(self.devnet.wait_job(job))

    def test_a_terminal_that_closes_loses_no_task(self):
        node, end = self.start_in_terminal()
        job, gate = self.start_job(node)
        os.close(end)
        node.log.wait("Hangup: draining")
        # The shell sends it, too.
        node.process.send_signal(signal.SIGHUP)
        self.assert_drains(node, job, gate)
        self.assertEqual(node.log.find_all("a second signal:"), [])

    def test_what_is_typed_reaches_posemesh_node_alone(self):
        for key in (INTERRUPT, QUIT):
            with self.subTest(key):
                node, end = self.start_in_terminal()
                job, gate = self.start_job(node)
                sessions = {os.getsid(pid) for pid in map(node.pid, SERVICES)}
                self.assertNotIn(os.getsid(node.process.pid), sessions)
                os.write(end, key)
                self.assert_drains(node, job, gate)
                os.close(end)

    def test_a_log_at_the_terminal_that_closed_harms_nothing(self):
        end, terminal = pty.openpty()
        node = self.make_node(DRAIN_GRACE_SECS="600")
        self.addCleanup(node.remove)
        node.start(ready=False, stdin=terminal, stdout=terminal, start_new_session=True,
                   preexec_fn=lambda: (take_terminal(), os.dup2(0, 2)))
        os.close(terminal)
        job, gate = self.start_job(node)
        os.close(end)
        gate.open()
        self.assert_completed(self.devnet.wait_job(job))
        self.assertEqual(node.wait_exit(), 0)

    def test_nohup_is_heeded(self):
        node, end = self.start_in_terminal(signal.SIG_IGN)
        os.close(end)
        node.process.send_signal(signal.SIGHUP)
        self.assert_node_works()
        self.assertEqual(node.log.find_all("draining"), [])

    def test_sigquit_drains(self):
        node = self.own_node(DRAIN_GRACE_SECS="600")
        job, gate = self.start_job(node)
        node.process.send_signal(signal.SIGQUIT)
        self.assert_drains(node, job, gate)

    def test_a_hangup_without_a_terminal_ends_nothing(self):
        node = self.make_node()
        self.addCleanup(node.check_end)
        self.start_without_terminal(node)
        pids = [node.pid(service) for service in SERVICES]
        job, gate = self.start_job(node)
        for pid in (node.process.pid, *pids):
            os.kill(pid, signal.SIGHUP)
        gate.open()
        self.assert_completed(self.devnet.wait_job(job))
        self.assertEqual([node.pid(service) for service in SERVICES], pids)

    def test_a_hangup_without_a_terminal_is_passed_on_to_runnerd(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(dir="/tmp"))
        told = os.path.join(folder, "told")
        copy = shutil.copytree(programs.BIN, folder + "/bin")
        with open(copy + "/posemesh-runnerd", "w") as script:
            script.write(f"#!/usr/bin/python3 -IS\nimport os, signal\n"
                         f"signal.signal(signal.SIGHUP, lambda *_: os.mkdir('{told}.hangup'))\n"
                         f"os.mkdir('{told}.up')\nwhile True: signal.pause()\n")
        node = self.make_node()
        self.addCleanup(node.remove)
        with unittest.mock.patch.object(programs, "BIN", copy):
            self.start_without_terminal(node, ready=False)
        programs.wait_until(lambda: os.path.exists(told + ".up"), "it can be told")
        node.process.send_signal(signal.SIGHUP)
        programs.wait_until(lambda: os.path.exists(told + ".hangup"), "it was told")
        node.terminate()
        self.assertEqual(node.wait_exit(), 0)


if __name__ == "__main__":
    unittest.main()
