"""docs/try.md, typed as it stands by an ordinary user."""
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import page

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TRY = os.environ.get("POSEMESH_TRY_PAGE", os.path.join(ROOT, "docs", "try.md"))
READER = 64703  # nobody's
PATIENCE_SECS = 300


def of_session(leader):
    """The processes of a session that are still there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) == leader:
            found.append(int(pid))
    return found


class Try(unittest.TestCase):
    begins_first = True

    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="pm-try.", dir="/tmp")  # a Unix socket's path is short
        self.addCleanup(shutil.rmtree, self.home)
        self.who = {}
        if os.getuid() == 0:
            os.chown(self.home, READER, READER)
            self.who = {"user": READER, "group": READER, "extra_groups": []}
        if subprocess.run(["test", "-r", os.path.join(ROOT, "README.md")], check=False, **self.who).returncode != 0:
            self.skipTest("an ordinary user cannot read this checkout")

    def type(self, script):
        """All that is shown."""
        path = os.path.join(self.home, "typed")
        with open(path, "w") as file:
            file.write(script)
        passed_on = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
        bash = subprocess.Popen(["bash", path], cwd=ROOT, env={**passed_on, "HOME": self.home}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **self.who)
        try:
            shown, _ = bash.communicate(timeout=PATIENCE_SECS)
        except subprocess.TimeoutExpired:
            os.killpg(bash.pid, signal.SIGKILL)
            shown = bash.communicate()[0] + f"\n(not at its end after {PATIENCE_SECS} s)"
        left = of_session(bash.pid)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(left, [], f"processes were left; shown:\n{shown}")
        return shown

    def test_the_page_shows_what_it_promises(self):
        shown = self.type(page.script(TRY))
        self.assertIsNone(page.not_shown(TRY, shown), f"not shown; all that was:\n{shown}")
        self.assertEqual(os.listdir(self.home), ["typed"])


if __name__ == "__main__":
    unittest.main()
