"""The interface between a runner and its node, as far as a program in any language needs it.

The node starts the program with the task's workspace as the current folder and a few POSEMESH_ variables. What the
program prints as JSON lines is progress, events and log; what it leaves in the outputs folder is uploaded when it exits
with 0; `fail_reason.txt` in the workspace says why it did not.
"""

import json
import os
import sys
import traceback
from pathlib import Path

from cloud import ScanError

FAIL_REASON_FILE = "fail_reason.txt"


class Input:
    """A file that was fetched for the task, with what the domain server says of it."""

    def __init__(self, entry):
        self.path = Path(entry["path"])
        self.name = entry.get("name") or self.path.name
        self.data_id = entry.get("data_id")
        self.data_type = entry.get("data_type") or self.path.suffix.lstrip(".").lower()


def _say(line):
    # A line at a time and at once: the node passes on what is printed while the job still runs.
    print(json.dumps(line, separators=(",", ":")), flush=True)


def progress(stage, percent, /, **more):
    _say({"progress": {"stage": stage, "percent": percent, **more}})


def event(name, /, **more):
    _say({"event": {"event": name, **more}})


def log(level, message):
    _say({"level": level, "message": message})


def task_options():
    """The task's `meta`: the place where whoever posted the job may set options of this capability."""
    task = json.loads(Path(os.environ["POSEMESH_TASK_FILE"]).read_text())
    meta = task.get("meta")
    return meta if isinstance(meta, dict) else {}


def number_option(name, default, least, most):
    """A numeric option from the task's meta. Raises ScanError when it is not a number in [least, most]."""
    value = task_options().get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ScanError(f"meta.{name} must be a number from {least} to {most}, got {json.dumps(value)[:40]}.")
    return value


def inputs(*data_types):
    """The inputs of these data types, in the order of the task's CIDs. A CID that stands for several files brings the
    others as its related files."""
    entries = json.loads(Path(os.environ["POSEMESH_INPUTS_FILE"]).read_text())
    found = []
    for entry in entries:
        related = entry.get("related_files") or []
        found.append(Input(entry))
        found.extend(Input({"path": other} if isinstance(other, str) else other) for other in related)
    return [item for item in found if item.data_type in data_types]


def output_path(relative):
    """Where an output goes that shall be stored as `relative`. Makes the folders above it."""
    path = Path(os.environ["POSEMESH_OUTPUTS_DIR"]) / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_json(relative, content):
    output_path(relative).write_text(json.dumps(content, indent=2) + "\n")


def run(main):
    """Calls main and exits as the node expects it: 0 when it returns, else 1 with a reason a person can use."""
    try:
        main()
    except ScanError as error:
        reason = str(error)
    except Exception as error:  # whatever it is, the task's owner shall read more than "exit status 1"
        traceback.print_exc()
        reason = f"Unexpected {type(error).__name__}: {error}"
    else:
        sys.exit(0)
    log("error", reason)
    Path(FAIL_REASON_FILE).write_text(reason + "\n")
    sys.exit(1)
