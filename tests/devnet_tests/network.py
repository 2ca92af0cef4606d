"""Starts posemesh-devnet for tests, speaks HTTP with it, and stands in for a node's inbound endpoint."""
import http.client
import http.server
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.parse
import uuid

PROGRAM = os.path.join(os.environ.get("POSEMESH_BIN_DIR", "build/debug/bin"), "posemesh-devnet")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def rule(self):
        try:
            return self.json.get("rule")
        except (ValueError, AttributeError):
            return None

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def request(method, url, body=None, headers=None, timeout=30):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    target = url[url.index(parts.netloc) + len(parts.netloc):]
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            if value is not None:
                connection.putheader(name, value)
        if body is not None or method in ("POST", "PUT"):
            connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Devnet:
    def __init__(self, *options, state=None):
        self.state = state or tempfile.mkdtemp(prefix="devnet-")
        self.process = subprocess.Popen([PROGRAM, "--state", self.state, "--quiet", "--strict", *options],
                                        stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline():
            raise RuntimeError(f"posemesh-devnet ended with {self.process.wait()}")
        with open(os.path.join(self.state, "devnet.env")) as file:
            self.env = dict(line.removeprefix("export ").rstrip("\n").split("=", 1) for line in file)
        self.dds, self.dms = self.env["DDS_BASE_URL"], self.env["DMS_BASE_URL"]
        self.domain_server, self.admin_url = self.env["DOMAIN_SERVER_URL"], self.env["ADMIN_URL"]

    def stop(self, keep=False):
        """Ends it; the exit status and what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=30)
        if not keep:
            shutil.rmtree(self.state, ignore_errors=True)
        return self.process.returncode, output

    def app(self, method, url, body=None, headers=None):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return request(method, url, data, {"Authorization": "Bearer " + self.env["APP_TOKEN"],
                                           "Content-Type": "application/json", **(headers or {})}, timeout=60)

    def admin(self, method, path, body=None):
        answer = self.app(method, self.admin_url + path, body)
        assert answer.status < 300, answer
        return answer.json if answer.body else None

    def settings(self, **changes):
        return self.admin("POST", "/settings", changes)

    def fault(self, **fault):
        self.admin("POST", "/faults", [fault])

    def violations(self):
        return [row["rule"] for row in self.admin("GET", "/violations")["violations"]]

    def wait_request(self, path, since=0, wait_ms=20000):
        """The first logged request after `since` whose target matches the glob."""
        query = urllib.parse.urlencode({"since": since, "wait_ms": wait_ms, "path": path})
        rows = self.admin("GET", "/requests?" + query)["requests"]
        assert rows, f"no request like {path}"
        return rows[0]

    def create_job(self, capability, tasks=1, edges=(), **fields):
        """A job whose tasks are labelled t0, t1, ...; the answer of POST /jobs with the domain added."""
        domain = fields.pop("domain_id", None) or str(uuid.uuid4())
        task = {"stage": "s", "capability": capability, "capability_filters": {}, "priority": 0, "inputs_cids": [],
                "outputs_prefix": "jobs/42", "mode": "public", "meta": {}, "max_attempts": 3, **fields}
        answer = self.app("POST", self.dms + "/jobs", {
            "label": "job", "domain_id": domain, "priority": 0, "meta": {}, "edges": list(edges),
            "tasks": [{"label": f"t{i}", **task} for i in range(tasks)]})
        assert answer.status == 201, answer
        return {**answer.json, "domain_id": domain}

    def job(self, job_id, wait_ms=0):
        return self.app("GET", f"{self.dms}/jobs/{job_id}?wait_ms={wait_ms}").json

    def task(self, job_id, index=0):
        return self.job(job_id)["tasks"][index]

    def put_input(self, domain, name, data_type, data):
        from client import form
        body, content_type = form({"name": name, "data-type": data_type}, data)
        answer = self.app("POST", f"{self.domain_server}/api/v1/domains/{domain}/data", body,
                          {"Content-Type": content_type})
        assert answer.status == 200, answer
        return answer.json["data"][0]["id"]


class Inbound:
    """A node's inbound endpoint: callbacks and health checks come here."""

    def __init__(self):
        self.callbacks, self.health_agents = [], []
        self.event = threading.Condition()
        self.callback_answer = (200, b'{"ok":true}')
        self.health_status = 200
        inbound = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with inbound.event:
                    inbound.callbacks.append((self.path, json.loads(body)))
                    inbound.event.notify_all()
                self.reply(*inbound.callback_answer)

            def do_GET(self):
                with inbound.event:
                    inbound.health_agents.append((self.path, self.headers["User-Agent"]))
                    inbound.event.notify_all()
                self.reply(inbound.health_status, b"ok")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, condition, timeout=20):
        with self.event:
            assert self.event.wait_for(condition, timeout), "nothing came in"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
