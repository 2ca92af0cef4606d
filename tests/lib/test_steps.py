"""What a step makes of what a program prints, and what is counted in the end."""
import os
import shlex
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
STEPS = os.path.join(ROOT, "tests", "lib", "steps.sh")


class Steps(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="posemesh-steps.")
        self.addCleanup(folder.cleanup)
        self.results = folder.name

    def bash(self, script):
        """(exit status, output) of a script that has the steps."""
        done = subprocess.run(["bash", "-c", f'. "$1"\n{script}', "test", STEPS], env={**os.environ, "results": self.results, "step": "s"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        return done.returncode, done.stdout

    def tap(self, name="s.p"):
        with open(os.path.join(self.results, name + ".tap")) as file:
            return file.read().splitlines()

    def program(self, script):
        """What is printed of a program p that does this."""
        return self.bash(f"run_tap p bash -c {shlex.quote(script)}")[1]

    def test_each_outcome_gets_its_programs_name(self):
        self.assertEqual(self.program("echo 'ok 1 - a'; echo '# note'; echo 'ok 2 - b # SKIP c'; echo 1..2"), "")
        self.assertEqual(self.tap(), ["ok 1 - p: a", "ok 2 - p: b # SKIP c"])

    def test_a_test_that_cmocka_skips_is_none_that_failed(self):
        self.assertEqual(self.program("echo '# reason: no root'; echo 'not ok 1 # SKIP a'; echo 1..1"), "")
        self.assertEqual(self.tap(), ["ok 1 - p: a # SKIP no root"])

    def test_a_reason_is_that_of_one_skip_alone(self):
        self.program("echo '# reason: no root'; echo 'not ok 1 # SKIP a'; echo 'not ok 2 # SKIP b'; echo 1..2")
        self.assertEqual(self.tap(), ["ok 1 - p: a # SKIP no root", "ok 2 - p: b # SKIP "])
        self.program("echo '# reason: of a, which then ran'; echo 'ok 1 - a'; echo 'not ok 2 # SKIP b'; echo 1..2")
        self.assertEqual(self.tap(), ["ok 1 - p: a", "ok 2 - p: b # SKIP "])

    def test_a_failure_is_shown_with_what_follows(self):
        shown = self.program("echo 'not ok 1 - a'; echo '# it broke'; exit 1")
        self.assertIn("FAILED in p", shown)
        self.assertIn("not ok 1 - a\n# it broke", shown)
        self.assertEqual(self.tap(), ["not ok 1 - p: a"])

    def test_a_program_that_dies_is_a_failure(self):
        for end in ("exit 3", "kill -9 $$"):
            with self.subTest(end):
                self.assertIn("FAILED p exits with 0, not ", self.program("echo 'ok 1 - a'; " + end))
                self.assertEqual(self.tap(), ["ok 1 - p: a"])
                self.assertRegex(self.tap("s")[-1], "^not ok 1 - p exits with 0, not ")

    def test_a_program_that_stops_half_way_is_a_failure_whatever_its_status(self):
        for script, fault in (("echo 1..2; echo 'ok 1 - a'", "tells of 1 outcomes, not of 2"),
                              ("echo 'ok 1 - a'; echo 'not ok 2 # SKIP b'; echo 1..1", "tells of 2 outcomes, not of 1"),
                              ("echo 1..2; echo 'ok 1 - a'; echo 1..1; echo 'ok 1 - b'", "tells of 2 outcomes, not of 3"),
                              ("echo 1..2", "tells of 0 outcomes, not of 2"),
                              ("echo 'ok 1 - a'", "has no plan")):
            with self.subTest(script):
                self.assertIn(f"FAILED p {fault}\n", self.program(script))
                self.assertEqual(self.tap("s")[-1], f"not ok 1 - p {fault}")

    def test_programs_that_print_one_after_the_other_may_each_have_a_plan(self):
        self.assertEqual(self.program("echo 1..1; echo 'ok 1 - a'; echo 'ok 1 - b'; echo 'ok 2 - c'; echo 1..2"), "")

    def test_a_check_shows_its_output_when_it_fails(self):
        self.assertEqual(self.bash("check 'it is good' echo fine; check 'it is bad' bash -c 'echo why; exit 1'"),
                         (0, "FAILED it is bad\nwhy\n"))
        self.assertEqual(self.tap("s"), ["ok 1 - it is good", "not ok 1 - it is bad"])

    def test_unit_tests_side_by_side_report_one_after_the_other(self):
        folder = os.path.join(self.results, "build", "preset", "unit")
        os.makedirs(folder)
        # Each waits until the other has begun.
        for name, other in (("a", "b"), ("b", "a")):
            path = os.path.join(folder, "unit-" + name)
            with open(path, "w") as file:
                file.write(f"#!/bin/sh\ncd {folder}\ntouch began-{name}\nuntil [ -e began-{other} ]; do :; done\n"
                           f"echo 'ok 1 - x'; echo 'not ok 2 - y'; echo '# {name} broke'; exit 1\n")
            os.chmod(path, 0o755)
        status, output = self.bash(f"root={self.results}; unit_tests preset 2")
        self.assertEqual(status, 0)
        self.assertEqual(output, "".join(f"FAILED in {name}\nnot ok 2 - y\n# {name} broke\n" for name in "ab"))
        self.assertEqual(self.tap("s.a") + self.tap("s.b"), ["ok 1 - a: x", "not ok 2 - a: y", "ok 1 - b: x", "not ok 2 - b: y"])

    def end(self, *lines):
        with open(os.path.join(self.results, "some.tap"), "w") as file:
            file.write("".join(line + "\n" for line in lines))
        return self.bash("report_results")

    def test_the_last_line_counts_and_the_status_agrees(self):
        self.assertEqual(self.end("ok 1 - a", "ok 2 - b"), (0, "did not run: none\n2 passed, 0 failed\n"))
        self.assertEqual(self.end("ok 1 - a", "ok 2 - b # SKIP no root"), (0, "did not run:\n  b # SKIP no root\n1 passed, 0 failed\n"))
        self.assertEqual(self.end("ok 1 - a", "not ok 2 - b"), (1, "did not run: none\nfailed:\n  b\n1 passed, 1 failed\n"))

    def test_no_outcome_at_all_is_no_success(self):
        self.assertEqual(self.end()[0], 1)


class WhatIsInstalled(unittest.TestCase):
    def asked(self, *arguments):
        """What tests/run asks deploy/install-deps for, which then fails."""
        with tempfile.TemporaryDirectory(prefix="posemesh-steps.") as root:
            for path in ("tests/run", "tests/lib/steps.sh", "deploy/lib/build.sh"):
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                shutil.copy(os.path.join(ROOT, path), os.path.join(root, path))
            with open(os.path.join(root, "deploy", "install-deps"), "w") as file:
                file.write('#!/bin/sh\necho "$@" >"${0%/*}/asked"\nexit 1\n')
            os.chmod(file.name, 0o755)
            done = subprocess.run([os.path.join(root, "tests", "run"), *arguments], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
            self.assertIn("failed:\n  the packages are installed\n0 passed, 1 failed\n", done.stdout)
            with open(os.path.join(root, "deploy", "asked")) as file:
                return file.read().split()

    def test_unit_tests_need_no_linters(self):
        self.assertEqual(self.asked("--unit"), ["--build"])
        self.assertEqual(self.asked(), ["--test"])


if __name__ == "__main__":
    unittest.main()
