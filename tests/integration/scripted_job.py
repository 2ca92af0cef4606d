"""A job that does what its task says: meta is {"do": [[verb, argument...], ...]}. Installed by harness.py as a runner."""
import hashlib
import json
import os
import signal
import sys
import tempfile
import time

from scripted_content import content

OUTPUTS = os.environ["POSEMESH_OUTPUTS_DIR"]


def say(**message):
    print(json.dumps(message), flush=True)


def do_write(path, size):
    target = os.path.join(OUTPUTS, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(content(path, size))


def do_temporary(size):
    """A temporary file that the job leaves behind."""
    descriptor, _ = tempfile.mkstemp()
    with open(descriptor, "wb") as file:
        file.write(content("temporary", size))


def do_link(path, target):
    os.symlink(target, os.path.join(OUTPUTS, path))


def do_close(path):
    """A folder that nobody but the job's user may enter."""
    do_mode(path, 0o700)


def do_mode(path, mode):
    os.chmod(os.path.join(OUTPUTS, path), mode)


def do_file(path, text):
    """A file beside the outputs: fail_reason.txt, outputs.json."""
    with open(path, "w") as file:
        file.write(text)


def do_events(count):
    for number in range(count):
        say(event={"number": number})
        say(progress={"done": number + 1})


def do_repeat(text, count):
    """All at once, on stdout."""
    print(text * count, end="", flush=True)


def do_chatter(seconds, per_second):
    """Lines and progress at a steady pace."""
    for number in range(int(seconds * per_second)):
        print(f"line {number} " + "." * 300, flush=True)
        say(progress={"line": number})
        time.sleep(1 / per_second)


def do_report_inputs():
    with open(os.environ["POSEMESH_INPUTS_FILE"]) as file:
        inputs = json.load(file)
    hashes = {}
    for entry in inputs:
        for path in [entry["path"], *entry["related_files"]]:
            with open(path, "rb") as file:
                hashes[path] = hashlib.sha256(file.read()).hexdigest()
    say(event={"inputs": inputs, "sha256": hashes})


def do_report_task():
    """The task file as it is, and what else the job was told."""
    with open(os.environ["POSEMESH_TASK_FILE"]) as file:
        text = file.read()
    names = [name for name in os.environ if name.startswith("POSEMESH_")]
    say(event={"task": text, "cwd": os.getcwd(), "uid": os.getuid(), "names": sorted(names),
               "capability": os.environ["POSEMESH_CAPABILITY"], "domain": os.environ["POSEMESH_DOMAIN_ID"],
               "id": os.environ["POSEMESH_TASK_ID"], "job": os.environ["POSEMESH_JOB_ID"]})


def do_gate(name):
    """Waits until the test opens this gate, a FIFO."""
    with open(os.path.join(os.environ["TEST_GATES"], name), "rb", buffering=0) as file:
        file.read(1)  # one opening lets one job through


def do_gate_of(names):
    """The gate of whichever node runs the job."""
    do_gate(names[os.environ["TEST_GATES"]])


def do_daemon(marker, deaf):
    """A grandchild that leaves the group, the session, its descriptors and its environment."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            if deaf:
                do_deaf()
            os.dup2(os.open("/dev/null", os.O_RDWR), 1)
            os.dup2(1, 2)
            os.set_inheritable(writing, False)
            os.execve("/bin/sleep", [marker, "600"], {})
        os._exit(0)
    os.close(writing)
    os.read(reading, 1)  # the end of the file: the exec has happened
    os.wait()


def do_deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def do_kill(number):
    os.kill(os.getpid(), number)
    signal.pause()


VERBS = {
    "write": do_write, "temporary": do_temporary, "link": do_link, "close": do_close, "mode": do_mode, "file": do_file, "events": do_events, "report_inputs": do_report_inputs,
    "repeat": do_repeat, "chatter": do_chatter,
    "report_task": do_report_task, "gate": do_gate, "gate_of": do_gate_of,
    "daemon": do_daemon, "deaf": do_deaf, "kill": do_kill,
    "say": lambda message: say(**message), "print": lambda text: print(text, flush=True),
    "print_error": lambda text: print(text, file=sys.stderr, flush=True), "exit": sys.exit,
}


def main():
    with open(os.environ["POSEMESH_TASK_FILE"]) as file:
        steps = json.load(file)["meta"]["do"]
    for verb, *arguments in steps:
        VERBS[verb](*arguments)


if __name__ == "__main__":
    main()
