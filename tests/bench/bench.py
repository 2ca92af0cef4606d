"""What the benchmarks of stored share: the server, stored itself, and how CPU time is measured."""
import collections
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MIB, GIB = 1 << 20, 1 << 30
CONNECTIONS, PART_BYTES, PEAK_MIB = 4, 16 * MIB, 32

Sample = collections.namedtuple("Sample", "seconds user system")  # the last two are CPU seconds


def add_build_option(parser):
    parser.add_argument("--build", metavar="FOLDER", help="default: the release build, built first when it is not what the sources say")


def build_folder(arguments):
    """Of the option; ends the program when it cannot be built (deploy/lib/build.sh has said why)."""
    if arguments.build:
        return arguments.build
    script = 'source "$0/deploy/lib/build.sh" && posemesh_build "$0" release && echo "$posemesh_built"'
    done = subprocess.run(["bash", "-c", script, ROOT], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else sys.exit(1)


class Bench:
    """Everything that is started or written; all of it ends with the block."""

    def __init__(self, build):
        self.build, self.running = build, []
        self.folder = tempfile.mkdtemp(prefix="pm-bench.", dir="/var/tmp")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, name):
        return os.path.join(self.build, name)

    def start(self, command, **arguments):
        process = subprocess.Popen(command, text=True, **arguments)
        self.running.append(process)
        return process

    def ended(self, process):
        process.wait()
        self.running.remove(process)


def environment(**variables):
    """Nothing of the caller's reaches what is measured: no proxy, no certificates."""
    return {"PATH": os.environ["PATH"], **variables}


class Server:
    """A domain server that keeps nothing."""

    def __init__(self, bench, serve_bytes, delay_ms=0, tls=()):
        self.bench = bench
        command = [bench.program("bench/bench-server"), str(serve_bytes), str(PART_BYTES), str(delay_ms), *tls]
        self.process = bench.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = int(self.process.stdout.readline())
        self.url = f"{'https://localhost' if tls else 'http://127.0.0.1'}:{port}"

    def stop(self):
        self.process.stdin.close()
        self.bench.ended(self.process)


class Stored:
    """posemesh-stored alone, in a folder of its own."""

    count = 0

    def __init__(self, bench, program=None, **variables):
        Stored.count += 1
        self.bench, self.folder = bench, bench.path(f"stored-{Stored.count}")
        self.runtime, self.work = os.path.join(self.folder, "run"), os.path.join(self.folder, "work")
        os.mkdir(self.folder)
        settings = environment(POSEMESH_RUNTIME_DIR=self.runtime, POSEMESH_WORK_DIR=self.work, LOG_LEVEL="warn",
                               POSEMESH_STATE_DIR=os.path.join(self.folder, "state"), REQUEST_TIMEOUT_SECS="30",
                               UPLOAD_CONCURRENCY=str(CONNECTIONS))
        self.process = bench.start([program or bench.program("bin/posemesh-stored")], env={**settings, **variables})

    def _status_mib(self, field):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(next(line for line in file if line.startswith(field + ":")).split()[1]) / 1024

    def peak_mib(self):
        return self._status_mib("VmHWM")

    def now_mib(self):
        return self._status_mib("VmRSS")

    def _cpu(self):
        """(user, system): their sum to the nanosecond by the process's own clock, their shares by the ticks of /proc."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            user, system = map(int, file.read().rpartition(")")[2].split()[11:13])
        total = time.clock_gettime((~self.process.pid << 3) | 2)  # CPUCLOCK_SCHED of that process
        share = user / (user + system) if user + system else 0
        return total * share, total * (1 - share)

    def transfer(self, url, what, number, look=None):
        """One transfer; `look` is called while its session and its workspace are still there."""
        driver = self.bench.start([self.bench.program("bench/bench-stored-driver"), self.runtime, url, what, str(number)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
        assert driver.stdout.readline() == "ready\n", "stored could not be asked"
        before = self._cpu()
        driver.stdin.write("\n")
        driver.stdin.flush()
        answer = driver.stdout.readline()
        after = self._cpu()
        assert answer, "the transfer failed"
        if look:
            look(self)
        driver.stdin.close()
        self.bench.ended(driver)
        while os.listdir(self.work) != [".lock"]:  # what is removed now must not be charged to whoever comes next
            time.sleep(0.01)
        return Sample(float(answer), *(late - early for late, early in zip(after, before)))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.bench.ended(self.process)


def run(bench, command, **variables):
    """A program that prints its seconds on the last line."""
    process = bench.start(command, stdout=subprocess.PIPE, env=environment(**variables))
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    bench.running.remove(process)
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    return Sample(float(output.split()[-1]), usage.ru_utime, usage.ru_stime)
