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


def do_read_whole(path, limit_bytes):
    """A file in pieces: how many, and whether they are the file."""
    whole, pieces = bytearray(), 0
    while True:
        answer = CLIENT.call("file_read", **own({"path": path, "offset_bytes": len(whole), "limit_bytes": limit_bytes}))
        if not answer["bytes"]:
            break
        whole += answer["bytes"]
        pieces += 1
    with open(path, "rb") as file:
        report({"pieces": pieces, "same": whole == file.read(), "size_bytes": answer["size_bytes"]})


def do_list_pages(path, pages):
    """The first answers about a folder, and whether other requests were answered while each was made."""
    names, sizes, served = [], [], []
    for _ in range(pages):
        number = CLIENT.begin("workspace_list", **own({"path": path, "after": names[-1] if names else None}))
        for _ in range(5):
            CLIENT.call("file_read", **own({"path": f"{path}/{0:07}", "offset_bytes": 0, "limit_bytes": 1}))
        served.append(not CLIENT.has_answer(number))
        answer = CLIENT.finish(number)
        names += [entry["name"] for entry in answer["entries"]]
        sizes.append(len(answer["entries"]))
    report({"sizes": sizes, "more": answer["more"], "served": served,
            "right": names == sorted(os.listdir(path))[:len(names)]})


def do_list_at_once(path, times):
    """How many of so many requests got a page, and why others did not."""
    numbers = [CLIENT.begin("workspace_list", **own({"path": path})) for _ in range(times)]
    answers = [outcome(lambda number=number: CLIENT.finish(number)) for number in numbers]
    report({"answered": sum(len(answer.get("entries", ())) == 1000 for answer in answers),
            "refused": [answer for answer in answers if "failure" in answer]})


def do_fill(folder, count):
    """Names of few files, which is quicker than many files; a file has 65000 names at most."""
    os.makedirs(folder)
    for number in range(count):
        path = f"{folder}/{number * 7919 % count:07}"
        if number % 50000 == 0:
            first = path
            do_write(first, "")
        else:
            os.link(first, path)


def do_write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def do_write_random(path, size):
    with open(path, "wb") as file:
        file.write(os.urandom(size))


def do_socket(path):
    socket.socket(socket.AF_UNIX).bind(path)


VERBS = {
    "call": do_call, "calls_at_once": do_calls_at_once, "put_bytes": do_put_bytes, "read_whole": do_read_whole,
    "list_pages": do_list_pages, "list_at_once": do_list_at_once, "fill": do_fill, "write": do_write,
    "write_random": do_write_random, "socket": do_socket, "link": lambda path, target: os.symlink(target, path), "pipe": os.mkfifo,
}


def main():
    with open(os.environ["POSEMESH_TASK_FILE"]) as file:
        steps = json.load(file)["meta"]["do"]
    for verb, *arguments in steps:
        VERBS[verb](*arguments)


if __name__ == "__main__":
    main()
