"""tap.py, on which it depends whether a failure is seen."""
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest

TAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tap.py")
GOOD = """
    class Good(unittest.TestCase):
        def test_one(self):
            pass

        def test_two(self):
            self.skipTest("no reason")
"""


class Tap(unittest.TestCase):
    def run_files(self, *texts, jobs=2):
        """(exit status, [(outcome, number, name)], all that was printed) of test files of these texts."""
        with tempfile.TemporaryDirectory(prefix="posemesh-tap.") as folder:
            for number, text in enumerate(texts):
                with open(os.path.join(folder, f"test_{number}.py"), "w") as file:
                    file.write("import os\nimport threading\nimport unittest\n" + textwrap.dedent(text))
            done = subprocess.run([sys.executable, "-B", TAP, "--jobs", str(jobs), folder], capture_output=True, text=True, timeout=60)
        found = re.findall(r"^(ok|not ok) (\d+) - (.*)$", done.stdout, re.MULTILINE)
        return done.returncode, found, done.stdout + done.stderr

    def assert_fails(self, text, name):
        """And a class that passes beside it loses nothing."""
        for jobs in (1, 2):
            with self.subTest(jobs=jobs):
                status, found, output = self.run_files(GOOD, text, jobs=jobs)
                self.assertEqual(status, 1, output)
                failed = [line for outcome, _, line in found if outcome == "not ok"]
                self.assertEqual(len(failed), 1, output)
                self.assertIn(name, failed[0])
                self.assertEqual(len([line for outcome, _, line in found if outcome == "ok" and "Good" in line]), 2, output)
                self.assertIn(f"\n1..{len(found)}\n", output)

    def test_all_outcomes_are_numbered_and_counted(self):
        for jobs in (1, 2, 5):
            status, found, output = self.run_files(*[GOOD] * 3, jobs=jobs)
            self.assertEqual((status, [number for _, number, _ in found]), (0, list("123456")), output)
            self.assertTrue(output.rstrip().endswith("1..6"), output)
            self.assertEqual(output.count("# SKIP no reason"), 3)

    def test_a_name_is_no_directive(self):
        text = ("class Named(unittest.TestCase):\n    def test_it(self):\n        with self.subTest('it # SKIP x'):\n            pass\n"
                "        with self.subTest('bad # SKIP x'):\n            self.fail()")
        status, found, output = self.run_files(text)
        self.assertEqual((status, [outcome for outcome, _, _ in found]), (1, ["ok", "not ok"]), output)
        self.assertNotIn("# SKIP", output.partition("# Traceback")[0])

    def test_each_test_tells_how_long_it_took(self):
        for jobs in (1, 2):
            _, _, output = self.run_files(GOOD, jobs=jobs)
            self.assertRegex(output, r"(?m)^# \d+\.\d s test_0\.Good\.test_one$")

    def test_a_failed_test(self):
        self.assert_fails("class Bad(unittest.TestCase):\n    def test_it(self):\n        self.assertTrue(0)", "test_1.Bad.test_it")

    def test_a_class_that_cannot_be_set_up(self):
        self.assert_fails("class Bad(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        raise ValueError\n"
                          "    def test_it(self):\n        pass", "test_1.Bad")

    def test_a_failed_subtest(self):
        self.assert_fails("class Bad(unittest.TestCase):\n    def test_it(self):\n        for number in range(3):\n"
                          "            with self.subTest(number=number):\n                self.assertNotEqual(number, 1)", "number=1")

    def test_a_file_that_cannot_be_loaded(self):
        self.assert_fails("import no_such_module", "test_1")

    def test_a_process_that_dies_in_a_test(self):
        for death in ("os._exit(0)", "os._exit(1)", "os.kill(os.getpid(), 9)"):
            self.assert_fails(f"class Bad(unittest.TestCase):\n    def test_1(self):\n        pass\n    def test_2(self):\n        {death}",
                              "test_1.Bad")

    def test_how_many_at_a_time_changes_nothing_else(self):
        """What a class does to its process, the next one must not see, nor may it matter in which order they come."""
        texts = [GOOD] + [textwrap.dedent(text) for text in ("""
            class Skipped(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    raise unittest.SkipTest("not here")

                def test_it(self):
                    pass
        """, """
            class Changes(unittest.TestCase):
                def test_it(self):
                    os.environ["CHANGED"] = "yes"
                    unittest.changed = True
        """, """
            class Last(unittest.TestCase):
                begins_first = True

                def test_it(self):
                    self.assertFalse("CHANGED" in os.environ or hasattr(unittest, "changed"))
        """, """
            class Dies(unittest.TestCase):
                def test_it(self):
                    os._exit(0)
        """)]
        told = []
        for jobs in (1, 2):
            status, found, output = self.run_files(*texts, jobs=jobs)
            self.assertEqual(status, 1, output)
            told.append(sorted((outcome, name) for outcome, _, name in found))
        self.assertEqual(told[0], told[1])
        self.assertEqual([outcome for outcome, _ in told[0]].count("not ok"), 1, told)
        self.assertEqual(len(told[0]), 6)

    def test_less_than_one_at_a_time_is_refused(self):
        for jobs in (0, -1):
            self.assertEqual(self.run_files(GOOD, jobs=jobs)[:2], (2, []))

    def test_no_tests_at_all_are_a_failure(self):
        for jobs in (1, 2):
            self.assertEqual(self.run_files("", jobs=jobs)[0], 1)

    def test_classes_run_at_the_same_time(self):
        """Each waits for the other."""
        classes = ["""
            class Meets(unittest.TestCase):
                def test_it(self):
                    folder = os.path.dirname(__file__)
                    os.mkdir(os.path.join(folder, "here%d"))
                    for _ in range(1000):
                        if os.path.exists(os.path.join(folder, "here%d")):
                            return
                        threading.Event().wait(0.01)
                    self.fail("the other has not come")
        """ % pair for pair in ((0, 1), (1, 0))]
        self.assertEqual(self.run_files(*classes)[0], 0)

    def test_what_takes_long_begins_first(self):
        told = [f"class Told(unittest.TestCase):\n    begins_first = {first}\n    def test_it(self):\n"
                "        with open(os.path.join(os.path.dirname(__file__), 'order'), 'a+') as file:\n"
                f"            file.write('{first} ')\n            file.seek(0)\n            print('# order', file.read(), flush=True)"
                for first in (False, False, False, True)]
        _, _, output = self.run_files(*told, jobs=1)  # side by side, who is seen first is the machine's choice
        self.assertEqual(re.findall(r"# order (.*)", output)[-1].split(), ["True", "False", "False", "False"])

    def test_a_process_that_a_test_leaves_behind_keeps_nobody_waiting(self):
        leaves = """
            import subprocess

            class Leaves(unittest.TestCase):
                def test_it(self):
                    print("# pid", subprocess.Popen(["sleep", "600"]).pid, flush=True)
        """
        status, _, output = self.run_files(leaves, GOOD)
        os.kill(int(re.search(r"# pid (\d+)", output)[1]), 9)
        self.assertEqual(status, 0, output)


if __name__ == "__main__":
    unittest.main()
