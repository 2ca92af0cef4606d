"""Programs that tests start: where they are, their logs as events, what /proc tells of them."""
import json
import os
import re
import select
import subprocess
import sys
import threading
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "devnet_tests"))
from ports import free_port  # noqa: E402, F401  (for the tests)

BIN = os.path.abspath(os.environ.get("POSEMESH_BIN_DIR", "build/debug/bin"))
SERVICES = ("authd", "leased", "stored", "httpd", "runnerd")
PATIENCE_SECS = 40
_SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|Assertion .* failed")


def program(name):
    return os.path.join(BIN, f"posemesh-{name}")


def base_environment():
    """What a program needs to run at all; tests add the settings."""
    passed_on = ("PATH", "LANG", "TZ", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")
    return {name: os.environ[name] for name in passed_on if name in os.environ}


def run(command, variables, timeout=60):
    """A program that ends by itself: (status, stdout, stderr)."""
    done = subprocess.run(command, env={**base_environment(), **variables}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def wait_until(condition, what, timeout=PATIENCE_SECS):
    """For what nobody announces."""
    deadline, pause = time.monotonic() + timeout, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        pause.wait(0.02)


class Log:
    """The lines a program writes, as they come. A JSON line is a dict, any other a text."""

    def __init__(self, stream):
        self.raw, self.lines, self.ended = [], [], False
        self._test_began = 0
        self._event = threading.Condition()
        self._reading = threading.Event()
        self._reading.set()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        for text in stream:
            self._reading.wait()
            text = text.rstrip("\n")
            try:
                line = json.loads(text)
            except ValueError:
                line = text
            with self._event:
                self.raw.append(text)
                self.lines.append(line)
                self._event.notify_all()
        stream.close()
        with self._event:
            self.ended = True
            self._event.notify_all()

    def hold(self):
        """Reads no more: the pipe fills, and whoever writes to it has to do without a reader."""
        self._reading.clear()

    def release(self):
        self._reading.set()

    def mark(self):
        """For wait(since=...): only what comes from now on."""
        with self._event:
            return len(self.lines)

    def begin_test(self):
        """Of lines before this one nobody asks any more."""
        self._test_began = self.mark()

    def _find(self, text, service, since, task):
        for line in self.lines[max(since, self._test_began):]:
            if (isinstance(line, dict) and text in line.get("msg", "") and service in (None, line.get("service"))
                    and task in (None, line.get("task_id"))):
                return line
        return None

    def wait(self, text, service=None, since=0, timeout=PATIENCE_SECS, task=None):
        """The first line whose message contains the text; `task`: about this task, as one of the test before may still end."""
        with self._event:
            self._event.wait_for(lambda: self.ended or self._find(text, service, since, task), timeout)
            line = self._find(text, service, since, task)
        assert line, f"no line of {service or 'any service'} with {text!r}" + (": the log ended" if self.ended else "")
        return line

    def wait_end(self, timeout=PATIENCE_SECS):
        """Nobody holds the log open any more."""
        with self._event:
            assert self._event.wait_for(lambda: self.ended, timeout), "something still holds the log open"

    def find_all(self, text, service=None):
        with self._event:
            return [line for line in self.lines[self._test_began:] if isinstance(line, dict)
                    and text in line.get("msg", "") and service in (None, line.get("service"))]

    def sanitizer_reports(self):
        return [text for text in self.raw if _SANITIZER.search(text)]

    def tail(self, count=40):
        """The end of the log for people, without what only the programs say to each other."""
        with self._event:
            lines = [line for line in self.lines if not (isinstance(line, dict) and line.get("level") == "debug")]
        return [_for_people(line) for line in lines[-count:]]


def _for_people(line):
    if not isinstance(line, dict):
        return line
    task = line.get("task_id", "")[:8]
    return f"{line.get('ts', '')[11:]} {line.get('level')} {line.get('service')} {task} {line.get('msg')}"


# --- /proc ---

def _read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _stat(pid):
    """(state, parent, start time), or None."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[1]), int(fields[19])) if fields else None


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def is_alive(pid, started=None):
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX" and started in (None, stat[2])


def descendants(root):
    """{pid: start time} of all below a process."""
    stats = {pid: stat for pid in all_pids() if (stat := _stat(pid))}
    found, front = {}, [root]
    while front:
        parent = front.pop()
        for pid, stat in stats.items():
            if stat[1] == parent and pid not in found:
                found[pid] = stat[2]
                front.append(pid)
    return found


def mentioning(marker):
    """The processes with a text in their arguments or environment, as far as they may be looked at."""
    wanted = marker.encode()
    return [pid for pid in all_pids() if pid != os.getpid() and is_alive(pid)
            and (wanted in _read(pid, "cmdline") or wanted in _read(pid, "environ"))]


def exposed(pid):
    """What other processes of the same user could read of a process."""
    return _read(pid, "environ") + _read(pid, "cmdline")


def wait_for_death(pid, timeout=PATIENCE_SECS):
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        assert poll.poll(timeout * 1000), f"process {pid} still runs"
    finally:
        os.close(descriptor)
