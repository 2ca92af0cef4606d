"""A whole node against posemesh-devnet: NodeCase is the base of all tests here."""
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.parse
import uuid

import programs
import network  # posemesh-devnet's client; programs knows the way to its folder
from programs import PATIENCE_SECS, SERVICES

HERE = os.path.dirname(os.path.abspath(__file__))
NOBODY = 65534
SCRIPTED = "/test/scripted/v1"
NOOP = "/reconstruction/local-refinement/v1"


class Network(network.Devnet):
    """posemesh-devnet --strict, quick, with a person's view of jobs and data."""

    def __init__(self, *options, **settings):
        super().__init__("--lease-ttl", "6", "--part-size", "32768", "--health-interval", "1", *options)
        if settings:
            self.settings(**settings)
        self.jobs, self._initially = [], self.admin("GET", "/settings")

    def reset(self):
        """After a test: nothing of it disturbs the next."""
        for job in self.jobs:
            self.cancel(job)
        self.jobs = []
        self.admin("DELETE", "/faults")
        self.admin("DELETE", "/overrides")
        self.settings(**self._initially)

    def check_end(self):
        status, output = self.stop()
        assert (status, output) == (0, ""), f"posemesh-devnet ended with {status}:\n{output}"

    def post(self, *steps, capability=SCRIPTED, tasks=1, domain=None, meta_text=None, **fields):
        """A job whose tasks do these steps. meta_text: the tasks' meta, byte for byte."""
        domain = domain or str(uuid.uuid4())
        task = {"stage": "s", "capability": capability, "capability_filters": {}, "priority": 0, "inputs_cids": [],
                "outputs_prefix": "jobs/42", "mode": "public", "meta": {"do": list(steps)}, "max_attempts": 1}
        edges = fields.pop("edges", [])
        task.update(fields)
        if meta_text:
            task["meta"] = "META"
        body = json.dumps({"label": "job", "domain_id": domain, "priority": 0, "meta": {}, "edges": edges,
                           "tasks": [{**task, "label": f"t{i}"} for i in range(tasks)]})
        if meta_text:
            body = body.replace('"META"', meta_text)
        answer = self.app("POST", self.dms + "/jobs", body.encode())
        assert answer.status == 201, answer
        self.jobs.append(answer.json["id"])
        return answer.json["id"]

    def cancel(self, job):
        self.app("POST", f"{self.dms}/jobs/{job}/cancel")

    def wait_job(self, job, wait_ms=PATIENCE_SECS * 1000):
        """The job once it has ended."""
        shown = self.job(job, wait_ms)
        assert shown["status"] != "open", f"the job did not end: {shown}"
        return shown

    def run(self, *steps, **fields):
        return self.wait_job(self.post(*steps, **fields))

    def store(self, domain, name, data_type, content):
        """A person stores a file; its data id."""
        query = urllib.parse.urlencode({"name": name, "data_type": data_type})
        answer = self.app("PUT", f"{self.domain_server}/api/v1/domains/{domain}/data?{query}", content)
        assert answer.status == 200, answer
        return answer.json["data"][0]["id"]

    def stored(self, shown):
        """{logical path: row of the domain server} of a job's outputs, in the order of the report."""
        rows = {row["id"]: row for row in self.admin("GET", "/data")["data"]}
        return {output["logical_path"]: rows[output["id"]] for task in shown["tasks"] for output in task["outputs"] or []}

    def requests(self, path, **query):
        return self.admin("GET", "/requests?" + urllib.parse.urlencode({"path": path, **query}))["requests"]

    def reports(self, task_id):
        """The statuses of complete and fail, in order."""
        rows = self.requests(f"*/tasks/{task_id}/*")
        return [(row["path"].rpartition("/")[2], row["status"]) for row in rows if "heartbeat" not in row["path"]]

    def wait_event(self, job, event):
        """Waits until DMS was told of an event of the job."""
        seen = 0
        while event not in (shown := self.task(job))["events"]:
            path = f"*/tasks/{shown['id']}/heartbeat"
            rows = self.requests(path, since=seen, wait_ms=PATIENCE_SECS * 1000)
            assert rows, f"no event {event} of {shown}"
            seen = rows[-1]["seq"]
        return shown


class Gate:
    """A FIFO at which jobs wait."""

    def __init__(self, folder):
        self.name = uuid.uuid4().hex
        path = os.path.join(folder, self.name)
        os.mkfifo(path)
        os.chmod(path, 0o644)
        self._descriptor = os.open(path, os.O_RDWR)

    def open(self):
        os.write(self._descriptor, b"!")


class Node:
    """posemesh-node with its five services, in a folder of its own."""

    def __init__(self, devnet_env, user=None, **variables):
        # Short, as a Unix socket's path has about a hundred bytes; open, as the services are other users.
        self.folder = tempfile.mkdtemp(prefix="pm-it.", dir="/tmp")
        os.chmod(self.folder, 0o711)
        self.runtime, self.work = os.path.join(self.folder, "run"), os.path.join(self.folder, "work")
        self.gates, self.runners = os.path.join(self.folder, "gates"), os.path.join(self.folder, "runners")
        self.key, self.reg_secret = secrets.token_hex(32), devnet_env["REG_SECRET"]
        self.robot_credentials = devnet_env.get("ROBOT_REGISTRATION_CREDENTIALS", "robot-" + secrets.token_hex(16))
        self.url = f"http://127.0.0.1:{programs.free_port()}/"
        self.user, self.process, self.log, self.exit_status = user, None, None, None
        os.mkdir(self.gates)
        self._install_runners()
        if user is not None and os.geteuid() == 0:
            os.chown(self.folder, user, user)
        self.variables = {
            "DDS_BASE_URL": devnet_env["DDS_BASE_URL"], "DMS_BASE_URL": devnet_env["DMS_BASE_URL"],
            "REG_SECRET": self.reg_secret, "SECP256K1_PRIVHEX": self.key,
            "ROBOT_REGISTRATION_CREDENTIALS": self.robot_credentials, "NODE_URL": self.url,
            "HTTP_LISTEN": urllib.parse.urlsplit(self.url).netloc, "REQUEST_TIMEOUT_SECS": "10",
            "HEARTBEAT_JITTER_MS": "20", "HEARTBEAT_MIN_RATIO": "0.08", "HEARTBEAT_MAX_RATIO": "0.12",
            "POLL_BACKOFF_MS_MIN": "20", "POLL_BACKOFF_MS_MAX": "60", "TOKEN_REAUTH_JITTER_MS": "10",
            "MAX_CONCURRENCY": "4", "DRAIN_GRACE_SECS": "5", "POSEMESH_MULTIPART_MIN_BYTES": "65536",
            "DISK_RESERVE_BYTES": "0", "NOOP_SLEEP_SECS": "0", "ENABLE_NOOP": "true", "POSEMESH_RUNTIME_DIR": self.runtime,
            "POSEMESH_WORK_DIR": self.work, "POSEMESH_STATE_DIR": os.path.join(self.folder, "state"),
            "POSEMESH_RUNNERS_DIR": self.runners, "LOG_LEVEL": "debug", **variables}

    def _install_runners(self):
        os.mkdir(self.runners)
        for name in ("scripted_job.py", "scripted_content.py"):
            shutil.copy(os.path.join(HERE, name), self.runners)
        python = "/usr/bin/python3"
        self.install_runner("scripted", SCRIPTED, [python, "-B", "./scripted_job.py"])
        self.install_runner("quick", "/test/quick/v1", [python, "-B", "./scripted_job.py"], timeout_secs=1)

    def install_runner(self, name, capability, command, **fields):
        path = os.path.join(self.runners, name + ".json")
        with open(path, "w") as file:
            json.dump({"capability": capability, "command": command, "max_concurrency": 4,
                       "env": {"TEST_GATES": self.gates}, **fields}, file)
        os.chmod(path, 0o644)

    def start(self, ready=True, **how):
        """`how`: as of subprocess.Popen, and "before": a command that executes the node's."""
        identity = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        # Should the tests be killed, the node is told to end too.
        guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        self.process = subprocess.Popen([*guard, *how.pop("before", []), programs.program("node")],
                                        **{"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL,
                                           "text": True, "errors": "replace", "cwd": "/",
                                           "env": {**programs.base_environment(), **self.variables}, **identity, **how})
        self.log = programs.Log(self.process.stderr)
        if ready:
            # authd may log in before another service can be asked.
            for service in SERVICES:
                self.log.wait("started: version", service)
            self.wait_ready()
        return self

    def wait_ready(self, since=0):
        self.log.wait("logged in", "authd", since)

    def gate(self):
        return Gate(self.gates)

    def pid(self, service):
        with open(os.path.join(self.runtime, service + ".pid")) as file:
            return int(file.read())

    def kill(self, service):
        """kill -9, and waits until it runs again."""
        mark = self.log.mark()
        os.kill(self.pid(service), signal.SIGKILL)
        self.log.wait("started: version", service, since=mark)
        return mark

    def wait_for_no_workspace(self):
        """stored removes a workspace after it has closed the session."""
        programs.wait_until(lambda: os.listdir(self.work) == [], f"{self.work} is empty")

    def health(self, service):
        status, output, _ = programs.run([programs.program(service), "--health"], {"POSEMESH_RUNTIME_DIR": self.runtime})
        return status, output

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_exit(self, timeout=PATIENCE_SECS):
        self.exit_status = self.process.wait(timeout)
        return self.exit_status

    def check_end(self):
        """SIGTERM, exit status 0, and nothing is left: no process, workspace, pid file, report of a sanitizer."""
        try:
            family = programs.descendants(self.process.pid)
            if self.process.poll() is None:
                self.terminate()
            status = self.wait_exit()
            left = [pid for pid, started in family.items() if programs.is_alive(pid, started)]
            left += programs.mentioning(self.folder)
            assert status == 0, f"posemesh-node ended with {status}"
            assert not left, f"left running: {[programs.exposed(pid)[:300] for pid in left]}"
            self.log.wait_end()
            self._check_remains()
            self._check_log()
        except BaseException:
            self.show_log()
            raise
        finally:
            self.remove()

    def show_log(self):
        print(f"# --- the end of the log of the node in {self.folder}")
        print("".join(f"# {text}\n" for text in (self.log.tail() if self.log else [])), flush=True)

    def _check_remains(self):
        left = os.listdir(self.work)
        assert not left, f"left in the work folder: {left}"
        pid_files = [name for name in os.listdir(self.runtime) if name.endswith(".pid")]
        assert not pid_files, f"left: {pid_files}"

    def _check_log(self):
        assert not self.log.sanitizer_reports(), "\n".join(["a sanitizer reports:", *self.log.tail(90)])
        for line in self.log.lines:
            assert isinstance(line, dict) and {"ts", "level", "service", "msg"} <= line.keys(), f"not a log line: {line}"
        text = "\n".join(self.log.raw)
        for secret in self.secrets():
            assert secret not in text, "a secret is in the log"

    def secrets(self):
        """What nobody but authd may know. A flow reads some of them; all are handed over like secrets."""
        return self.key, self.reg_secret, self.robot_credentials

    def remove(self):
        """Whatever happened before, nothing of the node survives a test."""
        if self.process and self.process.poll() is None:
            for pid in [self.process.pid, *programs.descendants(self.process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class NodeCase(unittest.TestCase):
    """Tests that share one devnet and one node."""
    options, settings, variables = (), {}, {}

    @classmethod
    def setUpClass(cls):
        cls.devnet = Network(*cls.options, **cls.settings)
        cls.addClassCleanup(cls.devnet.check_end)
        cls.nodes = []
        if cls.variables is not None:
            cls.node = cls.start_node(**cls.variables)
            cls.addClassCleanup(cls.node.check_end)

    @classmethod
    def make_node(cls, **arguments):
        node = Node(cls.devnet.env, **arguments)
        cls.nodes.append(node)
        return node

    @classmethod
    def start_node(cls, **arguments):
        node = cls.make_node(**arguments)
        try:
            return node.start()
        except BaseException:
            cls.show_logs()
            node.remove()
            raise

    def own_node(self, **arguments):
        """A node for this test alone."""
        node = self.start_node(**arguments)
        self.addCleanup(node.check_end)
        return node

    def setUp(self):
        del self.nodes[:]
        if self.variables is not None:
            self.nodes.append(self.node)
            self.node.log.begin_test()

    def tearDown(self):
        self.devnet.reset()

    @classmethod
    def show_logs(cls):
        for node in cls.nodes:
            node.show_log()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            self.show_logs()
        return result

    def assert_completed(self, shown):
        self.assertEqual(shown["status"], "completed", shown)

    def assert_node_works(self):
        self.assert_completed(self.devnet.run(["write", "out.json", 10]))
