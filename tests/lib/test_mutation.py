"""tests/mutation/run where it takes no mutants: what it must not take for a success, and the list of those that may survive."""
import importlib.machinery
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "mutation"
sys.path.append(str(FOLDER))
import mutants  # noqa: E402
import survivors  # noqa: E402
import trial  # noqa: E402


def load_run():
    loader = importlib.machinery.SourceFileLoader("mutation_run", str(FOLDER / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module  # as its dataclasses look themselves up
    loader.exec_module(module)
    return module


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="posemesh-mutation.")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)


class Run(unittest.TestCase):
    def test_a_module_that_there_is_not(self):
        done = subprocess.run([sys.executable, "-B", FOLDER / "run", "--list", "--module", "cid.c", "--module", "none.c"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("does not name none.c", done.stderr)

    def test_what_is_no_success(self):
        conclude = load_run().conclude
        entry = ("a.c", "old", "new")
        self.assertEqual(conclude(1, 0, [], [], 1), 0)
        self.assertEqual(conclude(0, 1, [], [], 1), 0)
        self.assertEqual(conclude(1, 0, ["a mutant"], [], 1), 1)
        self.assertEqual(conclude(1, 0, [], [entry], 1), 1)
        self.assertEqual(conclude(0, 0, [], [], 1), 1, "nothing was tried")


class Survivors(Folder):
    def setUp(self):
        super().setUp()
        for name, text in (("libcommon/base/text.c", "int\t one = 1; /* one */\n"), ("services/authd/key.c", "int two = 2;\n"),
                           ("tests/mutation/survivors.md", "# Mutants\n## text.c\n\n    -int one  = 1;\n    +int one = (0+1);\n\nWhy.\n\n"
                                                           "    -int two = 2;\n    +int two = 3;\n\nWhy.\n")):
            (self.root / name).parent.mkdir(parents=True)
            (self.root / name).write_text(text)
        self.entries = {("text.c", "int one = 1;", "int one = (0+1);"), ("text.c", "int two = 2;", "int two = 3;")}

    def test_each_entry_is_read(self):
        self.assertEqual(survivors.listed(self.root / "tests/mutation"), self.entries)

    def test_a_line_that_its_file_does_not_have(self):
        self.assertEqual(survivors.without_line(self.root), ["survivors.md: text.c has no line int two = 2;"])

    def test_an_entry_that_no_mutant_is(self):
        one = mutants.Mutant("text.c", "libcommon/base/text.c", 1, "int one = 1;", "int one =  (0+1);", "")
        self.assertEqual(survivors.not_drawn(self.entries, {"text.c": [one]}), [("text.c", "int two = 2;", "int two = 3;")])
        self.assertEqual(survivors.not_drawn(self.entries, {"key.c": []}), [])


class Bounds(Folder):
    def passes(self, script):
        program = self.root / "program"
        program.write_text("#!/bin/bash\n" + script)
        program.chmod(0o755)
        return trial.Build(self.root, self.root).passes(program, 1)

    def test_a_program_is_bounded(self):
        self.assertTrue(self.passes('test "$(ulimit -St) $(ulimit -Ht) $(ulimit -c)" = "1 2 0"'))
        self.assertFalse(self.passes("while :; do :; done"))

    def test_a_program_that_fails_or_is_none(self):
        self.assertFalse(self.passes("exit 1"))
        self.assertFalse(trial.Build(self.root, self.root).passes(self.root / "none", 1))


if __name__ == "__main__":
    unittest.main()
