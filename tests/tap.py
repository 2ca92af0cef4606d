"""Runs a folder of unittest files and prints TAP, one line a test: tests/run counts them.

usage: tap.py FOLDER [PATTERN]
"""
import sys
import traceback
import unittest


class TapResult(unittest.TestResult):
    """Prints each outcome as it comes."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def _line(self, status, test, extra=""):
        self.count += 1
        print(f"{status} {self.count} - {test.id()}{extra}", flush=True)

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


def main():
    folder = sys.argv[1]
    pattern = sys.argv[2] if len(sys.argv) > 2 else "test*.py"
    suite = unittest.defaultTestLoader.discover(folder, pattern=pattern)
    result = TapResult()
    suite.run(result)
    print(f"1..{result.count}")
    sys.exit(0 if result.wasSuccessful() and result.count else 1)


if __name__ == "__main__":
    main()
