#!/usr/bin/env python3
"""Puts a folder of its own in the place of one that a node uses, and prints TAP: where that can be done, no program of the node
starts. The control is the trick itself. Then tries to keep the lock of a node's folder. Needs root, as attack.py.

usage: attack_places.py BIN_FOLDER PROBE
"""
import contextlib
import os
import sys
import tempfile

import attack
import harness
import programs
from attack import ATTEMPT, CONTROL, User, row

NOBODY = User("nobody", harness.NOBODY, harness.NOBODY, [])
READERS = {"POSEMESH_RUNTIME_DIR": (*programs.SERVICES, "node"), "POSEMESH_STATE_DIR": ("stored", "node"),
           "POSEMESH_WORK_DIR": ("leased", "stored", "runnerd", "node")}

SWAP = "import os, sys; place = sys.argv[1]; os.rename(place, place + '.was'); os.mkdir(place)"


@contextlib.contextmanager
def place(mode, owner=0):
    """(a folder with this mode and owner, a folder of root's in it): what a node would be told to use is in the latter."""
    with tempfile.TemporaryDirectory(prefix="pm-place.", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        above = os.path.join(folder, "above")
        os.mkdir(above)
        os.mkdir(os.path.join(above, "roots"), 0o700)
        os.chown(above, owner, owner)
        os.chmod(above, mode)
        yield above, os.path.join(above, "roots")


PLACES = {"open to all": (0o777, 0), "of another user": (0o755, harness.NOBODY), "of another user's, sticky": (0o1777, harness.NOBODY),
          "open to a group": (0o775, 0)}


def swap(inner):
    status, _, errors = programs.run(["setpriv", "--reuid", str(NOBODY.uid), "--clear-groups", "/usr/bin/python3", "-c", SWAP, inner],
                                     {})
    return status == 0, "another folder is in its place" if status == 0 else errors.strip().splitlines()[-1]


def attempt(node, what, mode, owner):
    for variable, names in READERS.items():
        for name in names:
            with place(mode, owner) as (above, inner):
                status, output, errors = programs.run([programs.program(name)],
                                                      {**node.variables, variable: os.path.join(inner, "mine")})
                told = f"{variable} leads through {above}" in output + errors
                row(ATTEMPT, NOBODY.name, f"{variable} of {name} in a folder {what}", status == 78 and told and not os.listdir(inner),
                    "refused, and the folder named" if status == 78 and told else f"status {status}")


KEEP = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)"


def keep_lock(user, path):
    """A lock that somebody else keeps would keep the node from starting."""
    ids = ["--reuid", str(user.uid), "--regid", str(user.gid), "--clear-groups"]
    if user.groups:
        ids[-1:] = ["--groups", ",".join(map(str, user.groups))]
    status, _, errors = programs.run(["setpriv", *ids, "/usr/bin/python3", "-c", KEEP, path], {})
    return status == 0, "it has the lock" if status == 0 else errors.strip().splitlines()[-1]


def locks(devnet):
    with place(0o755) as (folder, _):
        row(CONTROL, NOBODY.name, "locks a folder that all may read", *keep_lock(NOBODY, folder))
    node = harness.Node(devnet.env).start()
    try:
        users = [NOBODY, *(User.of_process(name, node.pid(name)) for name in programs.SERVICES)]
        node.terminate()
        node.wait_exit()
        for user in users:
            for variable in READERS:
                had, how = keep_lock(user, node.variables[variable])
                # They work in it, and the next node names who keeps it (integration test start).
                if variable == "POSEMESH_WORK_DIR" and user.name in ("stored", "runnerd"):
                    continue
                row(ATTEMPT, user.name, f"keeps the lock of {variable}", not had, how)
    finally:
        node.remove()


def run_all():
    with place(0o777) as (_, inner):
        row(CONTROL, NOBODY.name, "replaces a folder of root's in one open to all", *swap(inner))
    with place(0o755, harness.NOBODY) as (_, inner):
        row(CONTROL, NOBODY.name, "replaces a folder of root's in its own", *swap(inner))
    with place(0o1777) as (_, inner):
        succeeded, how = swap(inner)
        row(ATTEMPT, NOBODY.name, "replaces a folder of root's in a sticky one of root's", not succeeded, how)
    devnet = harness.Network()
    node = harness.Node(devnet.env)
    try:
        for what, (mode, owner) in PLACES.items():
            attempt(node, what, mode, owner)
        locks(devnet)
    finally:
        node.remove()
        devnet.stop()


if __name__ == "__main__":
    sys.exit(attack.main(run_all))
