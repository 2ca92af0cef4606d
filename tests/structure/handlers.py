#!/usr/bin/python3
"""The code behind a message, an event or a command: a function <service>_handle_<name>, named in a table of the service's main.c.

usage: handlers.py [SEED]   draws five messages, two events and two commands, and shows the command that finds each one's handler
"""
import pathlib
import random
import re
import shlex
import subprocess
import sys


def table_names(root, table):
    """First columns of a table in libcommon/node/operations.h: OPERATION(token_get, ...) gives token_get."""
    text = (root / "libcommon/node/operations.h").read_text()
    return re.findall(rf"^    {table}\((\w+),", text, re.M)


def find_command(name):
    """Of a person, too: in a folder of the sources it needs nothing but grep."""
    return ["grep", "-rnE", rf"^(static )?void \w+_handle_{name}\(", "--include=*.c", "libcommon", "services"]


def definitions(root, name=r"\w+"):
    """(file, function, the line that grep shows) of each handler; the status role is served by the skeleton, for all services."""
    lines = subprocess.run(find_command(name), cwd=root, capture_output=True, text=True).stdout.splitlines()
    return [(line.partition(":")[0], re.search(r"void (\w+)\(", line)[1], line) for line in lines]


def rows(root):
    """(KIND_name, file, function) of each row of the tables."""
    found = []
    for path in sorted([*root.glob("services/*/main.c"), *root.glob("libcommon/service/*.c")]):
        pattern = r"(?:\{|\[)((?:OPERATION|EVENT|COMMAND)_\w+)(?:,|\] =)\s+(\w+)"
        found += [(name, path, function) for name, function in re.findall(pattern, path.read_text())]
    return found


def faults_of_rows(root, in_tables, defined):
    """A row names <service>_handle_<name>, which stands in the folder of that service: so the command finds what the row calls."""
    faults = []
    for row, path, function in in_tables:
        folder = path.parent.relative_to(root)
        expected = f"{folder.name}_handle_{row.partition('_')[2]}"
        if function != expected:
            faults.append(f"{path.relative_to(root)}: {row} has {function}, not {expected}")
        elif not any(file.startswith(f"{folder}/") and found == function for file, found, _ in defined):
            faults.append(f"{path.relative_to(root)}: {row} has {function}, and {folder} does not define it")
    return faults


def missing(root, _build):
    in_tables, defined = rows(root), definitions(root)
    faults = faults_of_rows(root, in_tables, defined)
    listed = {function for _, _, function in in_tables}
    faults += [f"{function} stands in no table" for _, function, _ in defined if function not in listed]
    for kind in ("OPERATION", "EVENT", "COMMAND"):
        names = table_names(root, kind)
        if not names:
            faults.append(f"no {kind} in libcommon/node/operations.h")
        for name in names:
            found = definitions(root, name)
            # Events are hints: one that nobody listens to yet has no handler, but never two names.
            if len(found) != 1 and not (kind == "EVENT" and not found):
                faults.append(f"{kind}_{name} has {len(found)} handlers")
    return faults


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    draw = random.Random(sys.argv[1] if len(sys.argv) > 1 else "0")
    for kind, count in (("OPERATION", 5), ("EVENT", 2), ("COMMAND", 2)):
        names = [name for name in table_names(root, kind) if definitions(root, name)]
        for name in draw.sample(names, count):
            print("$", shlex.join(find_command(name)))
            print("\n".join(line for _, _, line in definitions(root, name)))


if __name__ == "__main__":
    main()
