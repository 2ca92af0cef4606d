"""A job that asks stored for its files itself: meta is {"do": [[verb, argument...], ...]}. Each call's answer is an event."""
import json
import os
import socket

from runner_client import CallFailed, RunnerClient
from scripted_content import content

CLIENT = RunnerClient(os.environ["TEST_STORED_SOCKET"])
KEY = os.environ["POSEMESH_TASK_KEY"].encode()


def report(value):
    print(json.dumps({"event": value}), flush=True)


def readable(value):
    """Bytes as their hexadecimal digits."""
    return {key: item.hex() if isinstance(item, bytes) else item for key, item in value.items()}


def outcome(call):
    try:
        return readable(call())
    except CallFailed as failure:
        return {"failure": failure.code, "text": failure.text}


def own(fields):
    """The fields of a request about this task; those whose names end in _hex are bytes."""
    given = {key.removesuffix("_hex"): bytes.fromhex(item) if key.endswith("_hex") else item for key, item in fields.items()}
    return {"task_key": KEY, **given}


def do_call(name, fields):
    report(outcome(lambda: CLIENT.call(name, **own(fields))))


def do_calls_at_once(name, all_fields):
    """Several requests on the one connection before the first answer."""
    numbers = [CLIENT.begin(name, **own(fields)) for fields in all_fields]
    report([outcome(lambda number=number: CLIENT.finish(number)) for number in numbers])


def do_put_bytes(rel_path, size):
    report(outcome(lambda: CLIENT.call("artifact_put_bytes", **own({"rel_path": rel_path, "bytes": content(rel_path, size)}))))


def do_write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def do_socket(path):
    socket.socket(socket.AF_UNIX).bind(path)


VERBS = {
    "call": do_call, "calls_at_once": do_calls_at_once, "put_bytes": do_put_bytes, "write": do_write, "socket": do_socket,
    "names": lambda folder: report(os.listdir(folder)), "link": lambda path, target: os.symlink(target, path), "pipe": os.mkfifo,
}


def main():
    with open(os.environ["POSEMESH_TASK_FILE"]) as file:
        steps = json.load(file)["meta"]["do"]
    for verb, *arguments in steps:
        VERBS[verb](*arguments)


if __name__ == "__main__":
    main()
