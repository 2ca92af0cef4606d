"""A job that streams an output as its task says: meta is {"do": [[verb, argument...], ...]}. Installed by test_streams.py."""
import json
import os
import sys
import time

from runner_client import CallFailed, RunnerClient
from scripted_content import content

OUTPUTS, KEY = os.environ["POSEMESH_OUTPUTS_DIR"], os.environ["POSEMESH_TASK_KEY"].encode()
PATIENCE_SECS = 60


class Stored:
    """Calls stored, and again when it was restarted meanwhile, as nng's clients do."""

    def __init__(self):
        self._client = None

    def call(self, name, **fields):
        deadline = time.monotonic() + PATIENCE_SECS
        while True:
            try:
                self._client = self._client or RunnerClient(os.environ["TEST_STORED_SOCKET"])
                return self._client.call(name, task_key=KEY, **fields)
            except (ConnectionError, FileNotFoundError):
                if time.monotonic() > deadline:
                    raise
                self._client = None
                time.sleep(0.02)


stored = Stored()


def say(**event):
    print(json.dumps({"event": event}), flush=True)


def try_call(name, **fields):
    try:
        say(call=name, answer=stored.call(name, **fields))
    except CallFailed as failure:
        say(call=name, failure=failure.code, text=failure.text)


def do_append(name, end, size):
    """Up to `end` bytes of what an output of this name and size holds."""
    with open(os.path.join(OUTPUTS, name), "ab") as file:
        file.write(content(name, size)[file.tell():end])


def do_open(name, path=None, **fields):
    try_call("artifact_open", path=path or f"outputs/{name}", rel_path=name, **fields)


def do_grow(name, length):
    try_call("artifact_grow", rel_path=name, length_bytes=length)


def do_finish(name, length):
    try_call("artifact_finish", rel_path=name, length_bytes=length)


def do_gate(name):
    with open(os.path.join(os.environ["TEST_GATES"], name), "rb", buffering=0) as file:
        file.read(1)


def do_pipe(path):
    os.mkfifo(path)


VERBS = {"append": do_append, "open": do_open, "grow": do_grow, "finish": do_finish, "gate": do_gate, "pipe": do_pipe,
         "link": lambda path, target: os.symlink(target, path), "exit": sys.exit,
         "say": lambda text: say(said=text)}


def main():
    with open(os.environ["POSEMESH_TASK_FILE"]) as file:
        steps = json.load(file)["meta"]["do"]
    for verb, *arguments in steps:
        VERBS[verb](*arguments)


if __name__ == "__main__":
    main()
