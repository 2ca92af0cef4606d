"""The scheduler of tests/run: nothing that fails may look as if it went well, and nothing may be left out silently."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import schedule

HERE = os.path.dirname(os.path.abspath(__file__))
OK = "echo 'ok 1 - it' >>$results/$step.tap"


class Plans(unittest.TestCase):
    def order(self, text, cores=2, fails=()):
        """The steps that run at the same time, always the first of them ending next."""
        waiting, running, passed, seen = schedule.read_plan(text, cores), [], set(), []
        while True:
            while step := schedule.next_step(waiting, running, passed, cores):
                waiting.remove(step)
                running.append(step)
            if not running:
                self.assertEqual(waiting, [], "a step never began")
                return seen
            seen.append([step.name for step in running])
            ended = running.pop(0)
            if ended.name not in fails:
                passed.add(ended.name)
                continue
            for step, _ in schedule.that_wait_for(ended.name, waiting):
                waiting.remove(step)

    def test_steps_share_the_cores_and_no_more(self):
        self.assertEqual(self.order("a 1 - x\nb 1.5 - x\nc 1 - x\nd 0 - x"), [["a", "c", "d"], ["c", "d"], ["d", "b"], ["b"]])

    def test_a_step_begins_after_those_that_it_needs(self):
        self.assertEqual(self.order("a all - x\nb 1 - x\nc 1 a,b x"), [["a"], ["b"], ["c"]])

    def test_a_step_for_more_cores_than_there_are_runs_alone(self):
        self.assertEqual(self.order("a 4 - x\nb 0.5 - x", cores=1), [["a"], ["b"]])

    def test_what_waits_for_a_failed_step_never_begins(self):
        self.assertEqual(self.order("a 1 - x\nb 1 a x\nc 1 b x\nd 2 - x", fails=["a"]), [["a"], ["d"]])

    def test_a_plan_with_a_fault_is_refused(self):
        for fault in ("a 1 b x\nb 1 - x", "a 1 -", "a 1 - x\na 1 - x", "a some - x"):
            with self.subTest(plan=repr(fault)), self.assertRaises(ValueError):
                schedule.read_plan(fault, 2)


class Runs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="posemesh-schedule.")
        self.addCleanup(folder.cleanup)
        self.results = folder.name
        os.mkdir(os.path.join(folder.name, "commands"))

    def start(self, steps, cores=2):
        """The steps as (name, cores, after, script)."""
        plan = []
        for name, wanted, after, script in steps:
            path = os.path.join(self.results, "commands", name)
            with open(path, "w") as file:
                file.write(script)
            plan.append(f"{name} {wanted} {after} source {path}\n")
        process = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "schedule.py"), self.results, str(cores)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        process.stdin.write("".join(plan))
        process.stdin.close()
        process.stdin = None
        return process

    def run_steps(self, *steps, **arguments):
        process = self.start(steps, **arguments)
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, output)
        return output

    def tap(self, name):
        """All lines of a step's TAP."""
        paths = [os.path.join(self.results, entry) for entry in os.listdir(self.results) if entry.startswith(name + ".")]
        lines = []
        for path in paths:
            with open(path) as file:
                lines += file.read().splitlines()
        return lines

    def test_what_a_step_prints_comes_in_one_piece(self):
        output = self.run_steps(("a", 1, "-", f"echo a1; mkfifo $results/f; read -r x <$results/f; echo a2; {OK}"),
                                ("b", 1, "-", f"echo b1; until [ -e $results/f ]; do :; done; echo x >$results/f; echo b2; {OK}"))
        self.assertIn("\na1\na2\n", output)
        self.assertIn("\nb1\nb2\n", output)

    def test_a_failed_step_is_a_failure_and_what_needs_it_is_skipped(self):
        self.run_steps(("a", 1, "-", "echo 'not ok 1 - it' >>$results/$step.tap; return 1"), ("b", 1, "a", OK), ("c", 1, "b", OK),
                       ("d", 1, "-", OK))
        self.assertEqual(self.tap("a"), ["not ok 1 - it"])
        self.assertEqual(self.tap("b"), ["ok 1 - b # SKIP a failed"])
        self.assertEqual(self.tap("c"), ["ok 1 - c # SKIP b failed"])
        self.assertEqual(self.tap("d"), ["ok 1 - it"])

    def test_a_step_with_a_failed_test_holds_up_nobody(self):
        self.run_steps(("a", 1, "-", "echo 'not ok 1 - it' >>$results/$step.tap"), ("b", 1, "a", OK))
        self.assertEqual(self.tap("b"), ["ok 1 - it"])

    def test_a_step_that_dies_or_tells_nothing_counts_as_failed(self):
        output = self.run_steps(("dies", 1, "-", f"{OK}; kill -9 $BASHPID"), ("silent", 1, "-", "true"),
                                ("unset", 1, "-", f"{OK}; echo $no_such_variable"), ("missing", 1, "-", f"{OK}; no-such-command"))
        for name in ("dies", "silent", "unset", "missing"):
            self.assertEqual(len([line for line in self.tap(name) if line.startswith("not ok ")]), 1, self.tap(name))
            self.assertIn(f"FAILED {name} ends", output)

    def test_the_end_is_a_table_of_times(self):
        output = self.run_steps(("first", 1, "-", OK), ("second", 1, "first", OK))
        rows = [line.split() for line in output.splitlines()[-4:]]
        self.assertEqual([row[0] for row in rows], ["step", "first", "second", "all"])

    def test_an_interrupted_schedule_leaves_nothing_running(self):
        process = self.start([("a", 1, "-", "timeout 600 sleep 600 & echo $! >$results/pid.new; mv $results/pid.new $results/pid; wait")])
        pid_file = os.path.join(self.results, "pid")
        schedule.programs.wait_until(lambda: os.path.exists(pid_file), "the step has begun")
        with open(pid_file) as file:
            family = [int(file.read())]
        schedule.programs.wait_until(lambda: schedule.programs.descendants(family[0]), "timeout has started sleep")
        family += schedule.programs.descendants(family[0])
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertLess(time.monotonic() - began, 60)
        for pid in family:
            schedule.programs.wait_for_death(pid)


if __name__ == "__main__":
    unittest.main()
