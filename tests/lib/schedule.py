"""Runs the steps of tests/run, several side by side, and prints how long each took.

usage: schedule.py RESULTS CORES <PLAN

A line of the plan: the step's name, how many cores it keeps busy ("all", or a number), the steps that must have ended with 0
before (with commas, or "-"), and the function of steps.sh that it is, with its arguments. A step begins as soon as its cores
are free, in the order of the plan where several could. It writes its TAP to RESULTS/<step>.*tap; what it prints comes when it
has ended, all at once.

A step that ends with another status than 0, or without any outcome, counts as failed. Steps that had to come after it are
skipped. The exit status is 0 when every step was run or skipped: what failed, the TAP tells.
"""
import collections
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "integration"))
import programs  # noqa: E402

Step = collections.namedtuple("Step", "name cores after command")
Took = collections.namedtuple("Took", "step began secs cpu_secs")


def read_plan(text, cores):
    """No step wants more cores than there are: it would never begin."""
    plan = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, wanted, after, *command = line.split()
            after = set() if after == "-" else set(after.split(","))
            names = {step.name for step in plan}
            if not command or name in names or not after <= names:
                raise ValueError(f"no step of a plan: {line}")
            plan.append(Step(name, cores if wanted == "all" else min(float(wanted), cores), after, command))
    return plan


def next_step(waiting, running, passed, cores):
    """The step to begin now, or None."""
    free = cores - sum(step.cores for step in running)
    for step in waiting:
        if step.cores <= free and step.after <= passed:
            return step
    return None


def that_wait_for(failed, waiting):
    """[(step that can never begin, the one it waits for)]"""
    lost = {}
    for step in waiting:
        for name in sorted(step.after & {failed, *lost}):
            lost.setdefault(step.name, (step, name))
    return list(lost.values())


def outcomes(results, name):
    """("ok" or "not ok") of each line of a step's TAP."""
    found = []
    for path in glob.glob(os.path.join(glob.escape(results), f"{name}.*tap")):
        with open(path, errors="replace") as file:
            found += [match[1] for line in file if (match := re.match(r"(ok|not ok) \d+ - ", line))]
    return found


class Process:
    """A step at work."""

    def __init__(self, step, results):
        self.step, self._results, self._began = step, results, time.monotonic()
        self._output = tempfile.TemporaryFile()
        # Not in a session of its own: a kernel that shares the time among sessions would not heed its niceness.
        self._process = subprocess.Popen(
            ["bash", "-c", '. "$1"; shift; "$@"', "step", os.path.join(HERE, "steps.sh"), *step.command],
            env={**os.environ, "step": step.name, "results": results}, stdin=subprocess.DEVNULL, stdout=self._output,
            stderr=subprocess.STDOUT)
        self.pid = self._process.pid
        say(f"   {step.name} begins")

    def ended(self, status, usage, schedule_began):
        """(whether what comes after may run, what it took). Prints what the step has printed."""
        self._process.returncode = status
        took = Took(self.step.name, self._began - schedule_began, time.monotonic() - self._began,
                    usage.ru_utime + usage.ru_stime)
        found = outcomes(self._results, self.step.name)
        say(f"== {self.step.name}: {found.count('ok')} passed, {found.count('not ok')} failed, {took.secs:.0f} s")
        self._output.seek(0)
        with self._output:
            say(self._output.read().decode(errors="replace").rstrip("\n"))
        good = status == 0 and bool(found)
        if not good and "not ok" not in found:
            what = f"{self.step.name} ends with 0 and tells of outcomes, not with {status} and of {len(found)}"
            say(f"FAILED {what}")
            note(self._results, self.step.name, f"not ok 1 - {what}")
        return good, took


def note(results, name, line):
    with open(os.path.join(results, f"{name}.schedule.tap"), "a") as file:
        file.write(line + "\n")


def say(text):
    if text:
        print(text, flush=True)


def run(plan, results, cores):
    """What each step took, in the order of their ends."""
    waiting, running, passed, took, began = list(plan), {}, set(), [], time.monotonic()
    while waiting or running:
        while step := next_step(waiting, [one.step for one in running.values()], passed, cores):
            waiting.remove(step)
            process = Process(step, results)
            running[process.pid] = process
        pid, status, usage = os.wait4(-1, 0)
        process = running.pop(pid)
        good, spent = process.ended(os.waitstatus_to_exitcode(status), usage, began)
        took.append(spent)
        if good:
            passed.add(process.step.name)
            continue
        for step, missing in that_wait_for(process.step.name, waiting):
            waiting.remove(step)
            note(results, step.name, f"ok 1 - {step.name} # SKIP {missing} failed")
    return took


def table(took):
    lines = [f"{'step':24} {'began':>7} {'took':>7} {'CPU':>7}"]
    rows = [*sorted(took, key=lambda row: row.began),
            Took("all", 0, max(row.began + row.secs for row in took), sum(row.cpu_secs for row in took))]
    return "\n".join(lines + [f"{row.step:24} {row.began:5.0f} s {row.secs:5.0f} s {row.cpu_secs:5.0f} s" for row in rows])


def stop(number, _frame):
    """Interrupted: nothing that a step has started goes on."""
    for pid in programs.descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    sys.exit(128 + number)


def main():
    results, cores = sys.argv[1], float(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    say(table(run(read_plan(sys.stdin.read(), cores), results, cores)))


if __name__ == "__main__":
    main()
