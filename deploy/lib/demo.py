"""The demo proper: deploy/demo calls it when everything is installed and built."""

import argparse
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from demo_network import Network, NetworkError, artifact_name, request
from demo_processes import Program, ProgramError, free_ports, last_lines, wait_until

START_SECS = 30
JOB_SECS = 300
STOP_SECS = 30
LOG_LINES = 15

PREFIX = "demo"
# The states of a task that do not change any more.
FINAL_STATES = ("completed", "failed", "cancelled", "canceled")

# Sanitizers and proxies aside, the children get their settings from here and not from the caller's environment: an
# operator may have the settings of a real node exported.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP; the number is its argument."""


class DemoError(Exception):
    """The network did something else than it should."""


def colour(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if sys.stdout.isatty() else text


def say(text=""):
    print(text, flush=True)


def short_temporary_folder():
    """A Unix socket's path has at most 107 bytes, so a long TMPDIR is not used."""
    parent = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="pm-demo.", dir=parent if len(parent) <= 40 else "/tmp"))
    # Started by root, the node gives its services users of their own; they must get through to their folders.
    folder.chmod(0o711)
    return folder


class Demo:
    def __init__(self, arguments):
        self.bin = Path(arguments.bin)
        self.examples = Path(arguments.root) / "sdk" / "examples"
        self.input = arguments.input and Path(arguments.input)
        self.keep = arguments.keep
        self.folder = short_temporary_folder()
        self.step = "looking at the input"
        self.programs = []
        self.times = []
        self.network = None

    def begin(self, step):
        self.step = step
        say(colour("1", f"== {step}"))

    def took(self, what, started):
        self.times.append((what, time.monotonic() - started))

    def start(self, command, log_name, env):
        program = Program(command, self.folder / log_name, env)
        self.programs.append(program)
        return program

    def environment(self):
        return {name: os.environ[name] for name in PASSED_ON if name in os.environ}

    # --- steps ---------------------------------------------------------------------------------------------------

    def make_input(self):
        if self.input is None:
            self.begin("making the scan of a room")
            self.input = self.folder / "room.ply"
            subprocess.run([sys.executable, "-B", self.examples / "scan" / "make_room.py", self.input], check=True)
        elif self.input.suffix.lower() not in (".ply", ".obj"):
            raise DemoError(f"{self.input.name} ends neither in .ply nor in .obj")
        say(f"   {self.input.name}: {self.input.stat().st_size:,} bytes")

    def start_devnet(self):
        self.begin("starting the local network")
        started = time.monotonic()
        state = self.folder / "devnet"
        state.mkdir(0o700)
        devnet = self.start([str(self.bin / "posemesh-devnet"), "--state", str(state), "--listen", "127.0.0.1:0",
                             "--strict"], "devnet.log", self.environment())
        env_file = state / "devnet.env"
        wait_until(env_file.exists, START_SECS, [devnet], "starting posemesh-devnet")
        self.network = Network(env_file.read_text(), str(uuid.uuid4()))
        say(f"   discovery {self.network.settings['DDS_BASE_URL']}, tasks {self.network.settings['DMS_BASE_URL']}, "
            f"storage {self.network.domain_server}")
        self.took("network started", started)

    def start_node(self):
        self.begin("starting the node")
        started = time.monotonic()
        settings = self.network.settings
        (http_port,) = free_ports(1)
        node_url = f"http://127.0.0.1:{http_port}"
        env = self.environment() | {
            "DDS_BASE_URL": settings["DDS_BASE_URL"], "DMS_BASE_URL": settings["DMS_BASE_URL"],
            "REG_SECRET": settings["REG_SECRET"],
            # A wallet for this run only: the key exists nowhere but in the node's own memory.
            "SECP256K1_PRIVHEX": secrets.token_hex(32),
            "REGISTRATION_FLOW": "callback", "NODE_URL": node_url, "HTTP_LISTEN": f"127.0.0.1:{http_port}",
            "REQUEST_TIMEOUT_SECS": "30",
            "POLL_BACKOFF_MS_MIN": "100", "POLL_BACKOFF_MS_MAX": "500", "DRAIN_GRACE_SECS": "5",
            "POSEMESH_RUNTIME_DIR": str(self.folder / "run"), "POSEMESH_STATE_DIR": str(self.folder / "state"),
            "POSEMESH_WORK_DIR": str(self.folder / "work"), "POSEMESH_RUNNERS_DIR": str(self.examples / "runners.d"),
            "LOG_FORMAT": "text", "LOG_LEVEL": "info",
        }
        self.start([str(self.bin / "posemesh-node")], "node.log", env)

        def listens():
            try:
                request("GET", f"{node_url}/health", timeout=5)
            except NetworkError:
                return False
            return True

        wait_until(listens, START_SECS, self.programs, "starting posemesh-node")
        say(f"   listens at {node_url}")
        self.took("node started", started)

    def upload_input(self):
        self.begin("uploading the scan")
        started = time.monotonic()
        data_type = self.input.suffix.lstrip(".").lower()
        name = re.sub(r"[^A-Za-z0-9_-]", "_", self.input.stem) or "scan"
        data_id = self.network.upload(name, data_type, self.input.read_bytes())
        say(f"   stored as {data_id}")
        self.took("scan uploaded", started)
        return data_id

    def post_job(self, input_id):
        self.begin("posting a job of two tasks: reduce, then densify what reduce wrote")

        def task(label, inputs):
            return {"label": label, "stage": label, "capability": f"/examples/scan-{label}/v1",
                    "capability_filters": {}, "priority": 0, "inputs_cids": inputs,
                    "outputs_prefix": f"{PREFIX}/{label}", "mode": "public", "meta": {}, "max_attempts": 1}

        answer = self.network.post_job({
            "label": "demo", "domain_id": self.network.domain_id, "priority": 0, "meta": {},
            "tasks": [task("reduce", [input_id]), task("densify", [])], "edges": [["reduce", "densify"]]})
        say(f"   job {answer['id']}")
        return answer["id"], {one["label"]: one["id"] for one in answer["tasks"]}

    def follow_job(self, job_id):
        """Shows each change until all tasks are through. Raises DemoError when one did not complete."""
        self.begin("working")
        started = time.monotonic()
        shown, begun = {}, {}

        def all_final():
            tasks = self.network.job(job_id)["tasks"]
            for task in tasks:
                self.show_task(task, shown, begun, started)
            return tasks if all(task["status"] in FINAL_STATES for task in tasks) else None

        for task in wait_until(all_final, JOB_SECS, self.programs, "the job"):
            if task["status"] != "completed":
                reason = task.get("fail_reason") or json.dumps(task.get("report") or {})[:500]
                raise DemoError(f"task {task['label']} is {task['status']}: {reason}")
        self.took("both tasks", started)

    def show_task(self, task, shown, begun, started):
        label, status = task["label"], task["status"]
        progress = task.get("progress") or {}
        if isinstance(progress, str):
            progress = json.loads(progress)
        line = (status, progress.get("stage", ""), progress.get("percent", ""))
        if shown.get(label) == line:
            return
        shown[label] = line
        # What waits has had no heartbeat; what had one, or is through, is at work or was.
        if label not in begun and (progress or status in ("leased", "running")):
            begun[label] = time.monotonic()
        percent = f"{line[2]:>4}%" if line[2] != "" else "     "
        code = {"completed": "32", "failed": "31"}.get(status, "36")
        say(f"   {time.monotonic() - started:6.1f} s  {label:8} {colour(code, f'{status:10}')} {percent}  {line[1]}")
        if status in FINAL_STATES and label in begun:
            self.took(f"task {label}", begun[label])

    def check_results(self, task_ids):
        self.begin("checking what was stored")
        by_name = {entry["name"]: entry for entry in self.network.stored_data()}
        outputs = {}
        for label, relatives in (("reduce", ("refined/reduced.ply", "manifest.json")),
                                 ("densify", ("dense/dense.ply", "dense_manifest.json"))):
            for relative in relatives:
                name = artifact_name(f"{PREFIX}/{label}", relative, task_ids[label])
                if name not in by_name:
                    raise DemoError(f"the artifact {name} is not at the domain server")
                outputs[f"{label}/{relative}"] = by_name[name]

        dense = outputs["densify/dense/dense.ply"]
        written = json.loads(self.network.download(outputs["densify/dense_manifest.json"]["id"]))["output"]
        fetched = hashlib.sha256(self.network.download(dense["id"])).hexdigest()
        if not dense["sha256"] == fetched == written["sha256"]:
            raise DemoError(f"the dense cloud's SHA-256 is {written['sha256']} as the runner wrote it, "
                            f"{dense['sha256']} as stored and {fetched} as downloaded")
        if dense["stored_by"] != "multipart":
            raise DemoError(f"the dense cloud was stored by {dense['stored_by']}, not in parts")
        say("   the dense cloud is stored byte for byte as the runner wrote it, in parts")
        if self.keep:
            self.save_artifacts(outputs)
        return outputs

    def save_artifacts(self, outputs):
        for relative, entry in outputs.items():
            path = self.folder / "artifacts" / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.network.download(entry["id"]))

    def stop_in_order(self):
        """The node first: it tells the network that it goes. Then the network, which says whether the node kept to the
        contract all along."""
        self.begin("stopping the node and the network")
        started = time.monotonic()
        while self.programs:
            self.programs[-1].stop(STOP_SECS)
            self.programs.pop()
        say("   the network saw no violation of the contract")
        self.took("stopped", started)

    # --- the end -------------------------------------------------------------------------------------------------

    def print_tables(self, outputs):
        say()
        widths = "{:52} {:5} {:>12}  {:11} {}"
        say(colour("1", widths.format("artifact", "type", "bytes", "stored by", "sha256")))
        for entry in outputs.values():
            # The task's id at the end of a name is the same for all of a task; its beginning is enough to read.
            name = re.sub(r"([0-9a-f]{8})-[0-9a-f-]{27}$", r"\1…", entry["name"])
            say(widths.format(name, entry["data_type"], f"{entry['size']:,}", entry["stored_by"], entry["sha256"]))
        say()
        for what, seconds in self.times:
            say(f"{what:20} {seconds:6.2f} s")

    def run(self):
        self.make_input()
        self.start_devnet()
        self.start_node()
        input_id = self.upload_input()
        job_id, task_ids = self.post_job(input_id)
        self.follow_job(job_id)
        outputs = self.check_results(task_ids)
        self.stop_in_order()
        self.print_tables(outputs)

    def show_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            say(colour("1", f"-- last lines of {log.name}"))
            for line in last_lines(log, LOG_LINES):
                say(f"   {line}")

    def clean_up(self):
        # A second Ctrl-C must not leave anything behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for program in reversed(self.programs):
            try:
                program.stop(STOP_SECS)
            except ProgramError:
                pass  # the failure that led here has been told
        if self.keep:
            say(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def interrupt(number, _frame):
    raise Interrupted(number)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--input")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)

    demo = Demo(arguments)
    status = 1
    try:
        demo.run()
        say(colour("1;32", "demo: everything was right"))
        status = 0
    except Interrupted as interrupted:
        say(f"demo: interrupted while {demo.step}; stopping")
        status = 128 + interrupted.args[0]
    except (DemoError, ProgramError, NetworkError, subprocess.CalledProcessError, OSError, KeyError,
            ValueError) as error:
        demo.show_logs()
        say(colour("1;31", f"demo failed while {demo.step}: {type(error).__name__}: {error}"))
    finally:
        demo.clean_up()
    return status


if __name__ == "__main__":
    sys.exit(main())
