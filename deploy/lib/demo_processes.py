"""The programs the demo starts, and how they are stopped again whatever happens."""

import os
import shutil
import signal
import socket
import subprocess
import time


class ProgramError(Exception):
    """A program that did not start, ended early, or ended with another status than 0."""


def free_ports(count):
    """Ports nobody listens on. All are held until the last is found, so that no two are the same."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Program:
    """A child with its output in a log file. It is a process group of its own, so that a Ctrl-C at the terminal reaches
    the demo alone, which then stops its children in the right order."""

    def __init__(self, command, log_path, env):
        self.name = os.path.basename(command[0])
        self.log_path = log_path
        # Should the demo itself be killed, the child is told to end too.
        guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        with open(log_path, "wb") as log:
            self._process = subprocess.Popen(guard + command, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=subprocess.STDOUT, env=env, process_group=0)

    def check_runs(self):
        status = self._process.poll()
        if status is not None:
            raise ProgramError(f"{self.name} ended early with status {status}")

    def stop(self, seconds):
        """SIGTERM, and SIGKILL when that does not end it in time. Raises ProgramError unless it ended with 0."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise ProgramError(f"{self.name} did not end within {seconds} s of SIGTERM and was killed") from None
        if status != 0:
            raise ProgramError(f"{self.name} ended with status {status}")


def last_lines(path, count):
    """The end of a log file, a screen of it at most."""
    with open(path, "rb") as log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - 400 * count))
        return log.read().decode("utf-8", "replace").splitlines()[-count:]


def wait_until(condition, seconds, programs, what):
    """Asks condition() until it returns something true, which is returned. Raises ProgramError when a program ends or
    the time is up first."""
    deadline = time.monotonic() + seconds
    while True:
        for program in programs:
            program.check_runs()
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise ProgramError(f"{what} took longer than {seconds} s")
        time.sleep(0.1)
