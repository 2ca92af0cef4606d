"""Runner files and their programs: what cannot be started is not offered, what changes is read anew."""
import os
import shutil
import signal
import stat
import tempfile
import unittest

import programs
from harness import NOBODY, SCRIPTED, NodeCase

PYTHON = ["/usr/bin/python3", "-B"]


class RunnerCase(NodeCase):
    variables = None

    def path(self, name):
        return os.path.join(self.node.runners, name)

    def write(self, name, text, mode=0o755):
        """A file among the runner files, whole from its first moment."""
        with open(self.path(name) + ".new", "w") as file:
            file.write(text)
        os.chmod(self.path(name) + ".new", mode)
        os.rename(self.path(name) + ".new", self.path(name))

    def write_tool(self, name):
        self.write(name, f"#!/bin/sh\nexec {' '.join(PYTHON)} {self.path('scripted_job.py')}\n")

    def start(self, **variables):
        self.node = self.make_node(**variables)
        self.addCleanup(self.node.check_end)

    def hang_up(self):
        mark = self.node.log.mark()
        os.kill(self.node.pid("runnerd"), signal.SIGHUP)
        return mark

    def assert_waits(self, job, attempts):
        """The node works on, and the job's task is still to be had with so many attempts made."""
        self.assert_completed(self.devnet.run(["write", "other.json", 1]))
        task = self.devnet.task(job)
        self.assertEqual((self.devnet.job(job)["status"], task["attempts"]), ("open", attempts), task)

    def assert_completes(self, job, attempts):
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["attempts"], attempts)

    def wait_withdrawn(self, capability, since=0):
        line = self.node.log.wait(f"{capability} is withdrawn: ", "runnerd", since)
        return line["msg"]


class Programs(RunnerCase):

    def test_a_program_that_is_missing_costs_no_attempt_and_works_once_it_is_there(self):
        self.start()
        commands = {"/t/absolute": [os.path.join(self.node.folder, "tool")], "/t/relative": ["./tool"],
                    "/t/argument": [*PYTHON, "./late.py"], "/t/script": ["./script"], "/t/closed": [*PYTHON, "./closed.py"]}
        for capability, command in commands.items():
            self.node.install_runner(capability[3:], capability, command)
        self.write("script", "#!/no/such/interpreter\n")
        self.write("closed.py", "", 0)
        jobs = [self.devnet.post(["write", "a.json", 1], capability=capability, max_attempts=3) for capability in commands]
        self.node.start()
        for capability, command in commands.items():
            told = self.wait_withdrawn(capability)
            self.assertIn(f"{capability[3:]}.json: ", told)
            self.assertIn("cannot start", told)
            self.assertIn(f"it is offered again when {command[0].replace('./', self.path(''))} or "
                          f"{self.path(capability[3:])}.json changes", told)
        self.assertIn("its interpreter /no/such/interpreter is missing", self.wait_withdrawn("/t/script"))
        self.assertIn("late.py: No such file", self.wait_withdrawn("/t/argument"))
        self.assertIn("closed.py: Permission denied", self.wait_withdrawn("/t/closed"))
        for job in jobs:
            self.assert_waits(job, 0)
        status, output = self.node.health("runnerd")
        self.assertEqual(status, 0, output)
        self.assertIn("withdrawn: absolute.json: cannot start", output)
        for name in ("../tool", "tool", "script"):
            self.write_tool(name)
        for name in ("late.py", "closed.py"):
            shutil.copy(self.path("scripted_job.py"), self.path(name))
        os.chmod(self.path("closed.py"), 0o755)
        for capability, job in zip(commands, jobs, strict=True):
            self.node.log.wait(f"{capability} is offered again", "runnerd")
            self.assert_completes(job, 1)
        self.assertEqual(len(self.node.log.find_all("is withdrawn")), len(commands))

    def test_a_program_that_vanishes_costs_one_attempt(self):
        self.start()
        self.write_tool("tool")
        self.node.install_runner("tool", "/t/tool", ["./tool"])
        self.node.start()
        self.assert_completed(self.devnet.run(["write", "a.json", 1], capability="/t/tool"))
        mark = self.node.log.mark()
        os.unlink(self.path("tool"))
        job = self.devnet.post(["write", "a.json", 1], capability="/t/tool", max_attempts=3)
        self.assertIn("No such file or directory", self.wait_withdrawn("/t/tool", mark))
        self.node.log.wait("registered at DDS", "authd", mark)
        self.assert_waits(job, 1)
        self.write_tool("tool")
        self.assert_completes(job, 2)

    def test_a_program_that_only_the_kernel_refuses_costs_one_attempt(self):
        self.start()
        self.write("tool", "\x7fELF of another machine\n")
        self.node.install_runner("tool", "/t/tool", ["./tool"])
        self.node.start()
        mark = self.node.log.mark()
        job = self.devnet.post(["write", "a.json", 1], capability="/t/tool", max_attempts=3)
        self.assertIn("it is no program of this machine", self.wait_withdrawn("/t/tool", mark))
        self.node.log.wait("registered at DDS", "authd", mark)
        self.assert_waits(job, 1)
        # Reading the files anew is no change.
        mark = self.hang_up()
        self.node.log.wait("stays as it was", "runnerd", mark)
        self.assert_waits(job, 1)
        self.write_tool("tool")
        self.assert_completes(job, 2)

    def test_a_runner_file_that_is_mended_brings_its_capability_back(self):
        self.start()
        self.node.install_runner("tool", "/t/tool", ["/no/such/program"])
        self.node.start()
        self.wait_withdrawn("/t/tool")
        job = self.devnet.post(["write", "a.json", 1], capability="/t/tool", max_attempts=3)
        self.assert_waits(job, 0)
        self.node.install_runner("tool", "/t/tool", [*PYTHON, "./scripted_job.py"])
        self.assert_completes(job, 1)

    def test_what_another_task_may_find_withdraws_nothing(self):
        self.start()
        self.write_tool("busy")
        writer = os.open(self.path("busy"), os.O_WRONLY)
        self.addCleanup(os.close, writer)
        self.node.install_runner("busy", "/t/busy", ["./busy"])
        self.node.install_runner("own", "/t/own", ["bin/run"])
        self.node.start()
        for capability, reason in (("/t/busy", "Text file busy"), ("/t/own", "No such file or directory")):
            shown = self.devnet.run(capability=capability)
            self.assertEqual(shown["status"], "failed")
            self.assertRegex(shown["tasks"][0]["fail_reason"], f"^cannot start .*: {reason}")
        self.assertIn("ready", self.node.health("runnerd")[1])
        self.assertFalse(self.node.log.find_all("is withdrawn"))

    def test_a_program_that_a_leased_job_finds_missing_is_its_reason(self):
        self.start()
        self.write("tool", "\x7fELF of another machine\n")
        self.write_tool("other")
        self.node.install_runner("tool", "/t/tool", ["./tool"])
        self.node.install_runner("other", "/t/other", ["./other"])
        self.node.start()
        os.unlink(self.path("other"))
        for capability, reason in (("/t/tool", "it is no program of this machine"), ("/t/other", "No such file or directory")):
            shown = self.devnet.run(capability=capability)
            self.assertEqual(shown["status"], "failed")
            self.assertRegex(shown["tasks"][0]["fail_reason"], f"^cannot start /.*{capability[3:]}: {reason}")


class Reading(RunnerCase):

    def test_sighup_reads_the_files_anew_while_jobs_run(self):
        self.start()
        self.node.install_runner("first", "/t/first", [*PYTHON, "./scripted_job.py"])
        self.node.install_runner("second", "/t/second", [*PYTHON, "./scripted_job.py"])
        self.node.start()
        gate = self.node.gate()
        jobs = [self.devnet.post(["say", {"event": "ready"}], ["gate", gate.name], ["write", "a.json", 5], capability=capability)
                for capability in ("/t/first", "/t/second", SCRIPTED)]
        for job in jobs:
            self.devnet.wait_event(job, "ready")
        os.unlink(self.path("first.json"))
        self.node.install_runner("second", "/t/second", [*PYTHON, "./scripted_job.py"], max_concurrency=2)
        self.node.install_runner("third", "/t/third", [*PYTHON, "./scripted_job.py"])
        self.write("scripted.json", '{"capability":\n "/t/scripted", "command": ["x"], "timeout_secs": 0}\n', 0o644)
        self.write("fourth.json", '{"capability": "/t/fourth",\n\n"command": [}', 0o644)
        mark = self.hang_up()
        for text in ("scripted.json:2: timeout_secs must be", "scripted.json: what it said before stays in force",
                     "fourth.json:3: not JSON", "first.json: does not run /t/first any more",
                     "second.json: runs /t/second, 2 at once: it has changed", "third.json: runs /t/third"):
            self.node.log.wait(text, "runnerd", mark)
        # All places are taken by the three: the fourth is for this one.
        self.assert_completed(self.devnet.run(["write", "b.json", 5], capability="/t/third"))
        for _ in jobs:
            gate.open()
        for job in jobs:
            self.assert_completes(job, 1)
        self.assert_completed(self.devnet.run(["write", "c.json", 5]))
        self.assertFalse(self.node.log.find_all("does not know the task any more"))
        self.assertEqual(len(self.node.log.find_all("connected with", "leased")), 1)

    def test_no_task_suffers_while_the_files_change_again_and_again(self):
        self.start()
        self.node.start()
        job = self.devnet.post(["write", "a.json", 5], tasks=24, max_attempts=3)
        changes = 0
        while changes < 6 or self.devnet.job(job)["status"] == "open":
            self.node.install_runner("scripted", SCRIPTED, [*PYTHON, "./scripted_job.py"], max_concurrency=5 + changes % 2)
            self.node.log.wait("scripted.json: runs", "runnerd", self.hang_up())
            changes += 1
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertEqual([task["attempts"] for task in shown["tasks"]], [1] * 24)

    def test_a_faulty_file_is_looked_at_until_it_is_mended(self):
        self.start()
        self.write("tool.json", '{"capability": "/t/tool"', 0o644)
        self.node.start()
        self.node.log.wait("tool.json: nothing of it is offered, until its faults are mended", "runnerd")
        self.node.install_runner("tool", "/t/tool", [*PYTHON, "./scripted_job.py"])
        self.node.log.wait("tool.json: runs /t/tool", "runnerd")
        self.assert_completed(self.devnet.run(["write", "a.json", 1], capability="/t/tool"))

    def test_a_folder_that_cannot_be_listed_is_told_once(self):
        self.start()
        tool = os.path.join(self.node.folder, "tool")
        self.node.install_runner("tool", "/t/tool", [tool])
        self.node.start()
        self.wait_withdrawn("/t/tool")
        away = self.node.runners + ".away"
        os.rename(self.node.runners, away)
        with open(self.node.runners, "w"):
            pass
        self.node.log.wait("what the runner files said before stays in force", "runnerd")
        shutil.copy("/bin/true", tool)
        self.node.log.wait("/t/tool is offered again", "runnerd")
        self.assertEqual(len(self.node.log.find_all("POSEMESH_RUNNERS_DIR: ", "runnerd")), 1)
        os.unlink(self.node.runners)
        mark = self.node.log.mark()
        os.rename(away, self.node.runners)
        self.node.log.wait("have changed: they are read anew", "runnerd", mark)

    def test_a_host_without_a_capability_says_so_and_takes_one_without_a_restart(self):
        self.start(ENABLE_NOOP="false")
        for name in os.listdir(self.node.runners):
            if name.endswith(".json"):
                os.unlink(self.path(name))
        self.node.start(ready=False)
        wanted = f"no capability: put a runner file into {self.node.runners} (POSEMESH_RUNNERS_DIR)"
        self.node.log.wait("node not ready: " + wanted, "leased")
        status, output = self.node.health("runnerd")
        self.assertEqual(status, 1, output)
        self.assertIn(wanted, output)
        mark = self.node.log.mark()
        self.write("tool.json", '{"capability": "/t/tool"', 0o644)
        self.node.log.wait("no capability works: tool.json:1: not JSON", "leased", mark)
        self.node.install_runner("tool", "/t/tool", ["./tool"])
        self.wait_withdrawn("/t/tool", mark)
        status, output = self.node.health("runnerd")
        self.assertEqual(status, 1, output)
        self.assertIn("no capability works: tool.json: cannot start", output)
        self.write_tool("tool")
        self.node.log.wait("1 capability is offered", "runnerd", mark)
        self.node.wait_ready()
        self.assert_completed(self.devnet.run(["write", "a.json", 1], capability="/t/tool"))
        self.assertEqual(self.node.health("runnerd")[0], 0)


class Check(unittest.TestCase):
    """posemesh-runnerd --check-config."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.folder = folder.name

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)

    def check(self, **variables):
        status, output, errors = programs.run([programs.program("runnerd"), "--check-config"],
                                              {"POSEMESH_RUNNERS_DIR": self.folder, "LOG_FORMAT": "text", **variables})
        return status, output + errors

    def test_every_fault_of_every_file_is_told_at_once(self):
        self.write("a.json", '{"capability": "/a",\n"command": ["./no"],\n"timeout_secs": 0, "max_concurrency": 0}')
        self.write("b.json", '{\n"capability": "/b" "command": []}')
        self.write("c.json", '{"capability": "/c", "command": ["/no/such/program"]}')
        self.write("d.json", '{"capability": "/d", "command": ["no-such-program"]}')
        self.write("e.json", '{"capability": "/e", "command": ["./closed"]}')
        self.write("f.json", '{"capability": "/f", "command": ["sh", "./no.sh"]}')
        self.write("g.json", '{"capability": "/good", "command": ["sh", "./closed"]}')
        self.write("h.json", '{"capability": "/good", "command": ["sh"]}')
        self.write("closed", "#!/bin/sh\n")
        status, output = self.check(ENABLE_NOOP="perhaps")
        self.assertEqual(status, 78, output)
        for text in ("a.json:3: timeout_secs", "a.json:3: max_concurrency", "b.json:2: not JSON",
                     "c.json: /c: cannot start /no/such/program: No such file or directory",
                     "d.json: /d: cannot start no-such-program: No such file or directory",
                     f"e.json: /e: cannot start {self.folder}/closed: it is not executable for this user",
                     f"f.json: /f: cannot start sh: it is given {self.folder}/no.sh: No such file or directory",
                     "h.json: capability: /good is taken by an earlier file", "ENABLE_NOOP"):
            self.assertIn(text, output)
        self.assertNotIn("g.json: /good: cannot", output)
        self.assertNotIn("configuration is good", output)

    def test_what_can_work_is_good(self):
        self.write("a.json", '{"capability": "/a", "command": ["sh", "./x"]}')
        self.write("x", "")
        status, output = self.check()
        self.assertEqual(status, 0, output)
        self.assertIn("the configuration is good", output)

    def test_nothing_to_run_is_told_and_no_fault(self):
        status, output = self.check()
        self.assertEqual(status, 0, output)
        self.assertIn(f"no capability: put a runner file into {self.folder}", output)

    @unittest.skipIf(os.geteuid() != 0, "only root can become who runs the jobs")
    def test_programs_are_looked_at_as_the_user_who_runs_them(self):
        self.write("a.json", '{"capability": "/a", "command": ["./x"]}')
        self.write("x", "#!/bin/sh\n", stat.S_IRWXU)
        self.assertEqual(self.check()[0], 0)
        status, output = self.check(POSEMESH_RUN_AS=f"{NOBODY}:{NOBODY}")
        self.assertEqual(status, 78, output)
        self.assertIn("x: it is not executable for this user", output)


if __name__ == "__main__":
    unittest.main()
