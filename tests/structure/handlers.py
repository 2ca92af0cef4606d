#!/usr/bin/python3
"""The code behind a message, an event or a command: a function <service>_handle_<name>, named in a table of the service's main.c.

usage: handlers.py [SEED]   draws five messages, two events and two commands, and shows the command that finds each one's handler
"""
import pathlib
import random
import re
import subprocess
import sys


def table_names(root, table):
    """First columns of a table in libcommon/node/operations.h: OPERATION(token_get, ...) gives token_get."""
    text = (root / "libcommon/node/operations.h").read_text()
    return re.findall(rf"^    {table}\((\w+),", text, re.M)


def definitions(root, name):
    """Lines that define a handler; the status role is served by the skeleton, for all services."""
    command = ["git", "grep", "-nE", find_pattern(name), "--", "*.c"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.splitlines()


def find_pattern(name):
    return f"^(static )?void \\w+_handle_{name}\\("


def registrations(root, kind, name):
    command = ["git", "grep", "-nE", rf"{kind}_{name}(,|\] =) \w+_handle_{name}\b", "--", "services/*/main.c", "libcommon/service"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.splitlines()


def missing(root, _build):
    faults = []
    for kind in ("OPERATION", "EVENT", "COMMAND"):
        names = table_names(root, kind)
        if not names:
            faults.append(f"no {kind} in libcommon/node/operations.h")
        for name in names:
            found = definitions(root, name)
            # Events are hints: one that nobody listens to yet has no handler, but never two names.
            if len(found) != 1 and not (kind == "EVENT" and not found):
                faults.append(f"{kind}_{name} has {len(found)} handlers")
            if found and not registrations(root, kind, name):
                faults.append(f"{kind}_{name} stands in no table")
    return faults


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    draw = random.Random(sys.argv[1] if len(sys.argv) > 1 else "0")
    for kind, count in (("OPERATION", 5), ("EVENT", 2), ("COMMAND", 2)):
        names = [name for name in table_names(root, kind) if definitions(root, name)]
        for name in draw.sample(names, count):
            print(f"$ git grep -nE '{find_pattern(name)}' -- '*.c'")
            print("\n".join(definitions(root, name)))


if __name__ == "__main__":
    main()
