"""Runs the unittest files of a folder and prints TAP, one line a test: tests/run counts them.

usage: tap.py [--jobs N] FOLDER
  --jobs N   N classes at a time (default 1)

Each class has a process of its own, whatever N is: it cannot disturb the others, not even by dying. Its lines come together when
it has ended. Classes with `begins_first = True` begin first: what takes long should not be the last. After each test stands how
long it took ("# 1.2 s module.Class.test").
"""
import argparse
import os
import re
import sys
import tempfile
import time
import traceback
import unittest

_OUTCOME = re.compile(r"^(ok|not ok) \d+ - ")


class TapResult(unittest.TestResult):
    """Prints each outcome as it comes."""

    def __init__(self):
        super().__init__()
        self.count, self._began = 0, None

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        print(f"# {time.monotonic() - self._began:.1f} s {test.id()}", flush=True)

    def _line(self, status, test, extra=""):
        """A `#` begins a directive in TAP, so none of a name's is left: one with "# SKIP" in it counted as skipped."""
        self.count += 1
        print(f"{status} {self.count} - {test.id().replace('#', '')}{extra}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._line("ok", test)

    def _failed(self, test, error):
        self._line("not ok", test)
        text = "".join(traceback.format_exception(*error))
        print("".join(f"# {line}\n" for line in text.splitlines()), flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._failed(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._failed(test, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("ok", test, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is None:
            self._line("ok", subtest)
        else:
            self._failed(subtest, error)


def classes_of(suite):
    """{"module.Class": its tests}, in the order of the suite. A file that cannot be loaded is a class, too."""
    found = {}
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            for name, tests in classes_of(one).items():
                found.setdefault(name, unittest.TestSuite()).addTests(tests)
        else:
            name = f"{type(one).__module__}.{type(one).__qualname__}"
            found.setdefault(name, unittest.TestSuite()).addTest(one)
    return found


def run_here(suite):
    """The exit status."""
    result = TapResult()
    suite.run(result)
    print(f"1..{result.count}", flush=True)
    return 0 if result.wasSuccessful() and result.count else 1


class Process:
    """One that runs a class and writes its TAP to a file: what a test leaves running cannot keep us waiting, as a pipe could."""

    def __init__(self, name, tests):
        self.name, self._began = name, time.monotonic()
        self._output = tempfile.TemporaryFile()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            status = 2
            try:
                os.dup2(self._output.fileno(), 1)
                os.dup2(self._output.fileno(), 2)
                status = run_here(tests)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)

    def ended(self, wait_status):
        """(its TAP, what is wrong with it or None, seconds)"""
        self._output.seek(0)
        with self._output:
            text = self._output.read().decode(errors="replace")
        return text, missing_outcome(text, os.waitstatus_to_exitcode(wait_status)), time.monotonic() - self._began


def missing_outcome(text, status):
    """What is wrong with what a class's process printed, or None: it must say how many outcomes it had, and end with 1 when
    one is bad."""
    outcomes = [match[1] for line in text.splitlines() if (match := _OUTCOME.match(line))]
    whole = f"1..{len(outcomes)}" in text.splitlines() and status == (1 if "not ok" in outcomes else 0)
    return None if whole else f"its process ended with {status}, after {len(outcomes)} outcomes"


def renumbered(text, count):
    """(the lines without the plan, numbered from count + 1 on; the new count)"""
    lines = []
    for line in text.splitlines():
        if match := _OUTCOME.match(line):
            count += 1
            lines.append(f"{match[1]} {count} - {line[match.end():]}")
        elif not re.match(r"1\.\.\d+$", line):
            lines.append(line)
    return lines, count


def run_side_by_side(classes, jobs):
    """The exit status. So many classes at a time."""
    waiting = sorted(classes.items(), key=lambda item: not begins_first(item[1]))
    running, count, good = {}, 0, True
    while waiting or running:
        while waiting and len(running) < jobs:
            process = Process(*waiting.pop(0))
            running[process.pid] = process
        pid, wait_status = os.wait()
        process = running.pop(pid)
        text, wrong, seconds = process.ended(wait_status)
        lines, count = renumbered(text, count)
        if wrong:
            count += 1
            lines.append(f"not ok {count} - {process.name}: {wrong}")
        good = good and wait_status == 0 and not wrong
        print("\n".join([*lines, f"# {seconds:.1f} s {process.name} in all"]), flush=True)
    print(f"1..{count}")
    return 0 if good and count else 1


def begins_first(tests):
    return getattr(type(next(iter(tests))), "begins_first", False)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("folder")
    given = parser.parse_args()
    if given.jobs < 1:
        parser.error("--jobs must be above 0")
    suite = unittest.defaultTestLoader.discover(given.folder, pattern="test*.py")
    sys.exit(run_side_by_side(classes_of(suite), given.jobs))


if __name__ == "__main__":
    main()
