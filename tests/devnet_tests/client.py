"""A reference node: does what docs/network.md says, one method for each request, so that tests can bend each."""
import json
import re
import time
import urllib.parse
import uuid

from crypto import Wallet
from network import Inbound, request

PART_HEADERS = "Content-Type: application/octet-stream\r\nContent-Disposition: form-data; {}\r\n\r\n"


def form_of(parts, boundary=None):
    """The body and content type of a small upload of parts [(fields, bytes)]."""
    boundary = boundary or uuid.uuid4().hex
    body = b""
    for fields, data in parts:
        parameters = "; ".join(f'{name}="{value}"' for name, value in fields.items())
        body += f"--{boundary}\r\n{PART_HEADERS.format(parameters)}".encode() + data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def form(fields, data, boundary=None):
    return form_of([(fields, data)], boundary)


def parse_parts(answer):
    """[(parameters, bytes)] of a multipart answer."""
    boundary = re.search("boundary=(.*)", answer.headers["Content-Type"]).group(1)
    parts = answer.body.split(f"--{boundary}".encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n", answer
    found = []
    for part in parts[1:-1]:
        head, data = part[2:].split(b"\r\n\r\n", 1)
        line = re.search(rb"Content-Disposition: form-data; (.*)", head).group(1).decode()
        found.append((dict(re.findall(r'([a-z-]+)="([^"]*)"', line)), data[:-2]))
    return found


def sanitise(text):
    return re.sub("[^A-Za-z0-9_-]", "_", text)


class Lease:
    def __init__(self, envelope):
        self.envelope, self.task, self.token = envelope, envelope["task"], envelope.get("access_token")
        self.id, self.domain = self.task["id"], envelope["domain_id"]
        self.artifacts = []


class Node:
    def __init__(self, devnet, capabilities=("/examples/a/v1",)):
        self.devnet, self.wallet = devnet, Wallet()
        self.capabilities, self.token, self.inbound = sorted(capabilities), None, None
        self.credentials, self.robot_id = devnet.env["ROBOT_REGISTRATION_CREDENTIALS"], None
        self.client_id = "posemesh-compute-node/" + str(uuid.uuid4())

    def post(self, url, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request("POST", url, data, {"Content-Type": "application/json", **headers})

    # --- registration and login ---

    def registration(self, url=None, timestamp=None, **options):
        url = url or (self.inbound.url if self.inbound else "http://127.0.0.1:9/")
        timestamp = timestamp or time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".006007008Z"
        return {"url": url, "version": "1.2.3", "registration_credentials": self.devnet.env["REG_SECRET"],
                "signature": self.wallet.sign_registration(url, timestamp, **options), "timestamp": timestamp,
                "public_key": self.wallet.public_key, "capabilities": self.capabilities}

    def register(self, body=None):
        return self.post(self.devnet.dds + "/internal/v1/nodes/register", body or self.registration())

    def nonce(self):
        return self.post(self.devnet.dds + "/internal/v1/auth/siwe/request", {"wallet": self.wallet.address}).json

    def message(self, nonce=None):
        nonce = nonce or self.nonce()
        return (f"{nonce['domain']} wants you to sign in with your Ethereum account:\n{self.wallet.address}\n\n"
                f"URI: {nonce['uri']}\nVersion: {nonce['version']}\nChain ID: {nonce['chainId']}\n"
                f"Nonce: {nonce['nonce']}\nIssued At: {nonce['issuedAt']}")

    def wallet_registration(self, **changes):
        message = self.message()
        return {"message": message, "signature": self.wallet.sign_message(message),
                "registration_credentials": self.devnet.env["REG_SECRET"], "capabilities": self.capabilities,
                "version": "1.2.3", **changes}

    def register_wallet(self, **changes):
        return self.post(self.devnet.dds + "/internal/v1/nodes/register-wallet", self.wallet_registration(**changes))

    def login_body(self, **changes):
        message = self.message()
        return {"address": self.wallet.address, "message": message, "signature": self.wallet.sign_message(message),
                **changes}

    def verify(self, body=None):
        return self.post(self.devnet.dds + "/internal/v1/auth/siwe/verify", body or self.login_body())

    def login(self):
        answer = self.verify()
        assert answer.status == 200, answer
        self.token = answer.json["access_token"]
        return self

    def join(self):
        """Registered by wallet and logged in: the quick way to a working node."""
        answer = self.register_wallet()
        assert answer.status == 200, answer
        return self.login()

    def join_by_callback(self):
        self.inbound = Inbound()
        answer = self.register()
        assert answer.status == 200, answer
        self.inbound.wait(lambda: self.inbound.callbacks)
        return self.login()

    # --- the robot flow ---

    def robot_registration(self, **changes):
        body = {"registration_credentials": self.credentials, "version": "1.2.3", "capabilities": self.capabilities, **changes}
        return {name: value for name, value in body.items() if value is not None}

    def register_robot(self, **changes):
        return self.post(self.devnet.dds + "/internal/v1/robots/register", self.robot_registration(**changes))

    def verify_robot(self, body=None):
        return self.post(self.devnet.dds + "/internal/v1/auth/robot/verify",
                         {"registration_credentials": self.credentials} if body is None else body)

    def take_token(self, answer):
        assert answer.status == 200, answer
        self.robot_id, self.token = answer.json["robot_id"], answer.json["access_token"]
        return self

    def join_as_robot(self):
        """Registered, which brings the first access token."""
        return self.take_token(self.register_robot())

    # --- DMS ---

    def dms(self, method, path, body=None, token=None, **headers):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            headers = {"Content-Type": "application/json", **headers}
        return request(method, self.devnet.dms + path, data,
                       {"Authorization": "Bearer " + (token or self.token), **headers})

    def lease(self):
        answer = self.dms("GET", "/tasks")
        return Lease(answer.json) if answer.status == 200 else None

    def heartbeat(self, lease, progress=None, events=(), **options):
        answer = self.dms("POST", f"/tasks/{lease.id}/heartbeat",
                          {"progress": {} if progress is None else progress, "events": list(events)}, **options)
        if answer.status == 200:
            lease.token = answer.json.get("access_token", lease.token)
            lease.id = answer.json.get("task_id", lease.id)
        return answer

    def job_fields(self, lease):
        return {"task_id": lease.id, "job_id": lease.task["job_id"], "domain_id": lease.domain,
                "capability": lease.task["capability"]}

    def completion(self, lease):
        return {"output_cids": [artifact["id"] for artifact in lease.artifacts],
                "meta": {"job": self.job_fields(lease), "artifacts": lease.artifacts}}

    def complete(self, lease, body=None):
        return self.dms("POST", f"/tasks/{lease.id}/complete", body or self.completion(lease))

    def failure(self, lease, reason="it broke"):
        return {"reason": reason, "details": {"job": self.job_fields(lease), "artifacts": lease.artifacts}}

    def fail(self, lease, body=None):
        return self.dms("POST", f"/tasks/{lease.id}/fail", body or self.failure(lease))

    # --- domain server ---

    def storage(self, lease, method, path="", body=None, domain=None, **headers):
        headers = {"Authorization": f"Bearer {lease.token}", "posemesh-client-id": self.client_id, **headers}
        url = f"{self.devnet.domain_server}/api/v1/domains/{domain or lease.domain}/data{path}"
        return request(method, url, body, headers)

    def read(self, lease, query, accept="multipart/form-data", **options):
        return self.storage(lease, "GET", query, Accept=accept, **options)

    def name_of(self, lease, path):
        logical = lease.task["outputs_prefix"].strip("/") + "/" + path
        data_type = path.rsplit(".", 1)[1]
        return logical, sanitise(logical) + "_" + lease.id, data_type

    def look_up(self, lease, name, data_type):
        answer = self.read(lease, "?" + urllib.parse.urlencode({"name": name, "data_type": data_type}),
                           accept="application/json")
        return answer.json["data"][0]["id"] if answer.status == 200 else None

    def put_form(self, lease, method, fields, data, **options):
        return self.put_forms(lease, method, [(fields, data)], **options)

    def put_forms(self, lease, method, parts, **options):
        body, content_type = form_of(parts)
        return self.storage(lease, method, "", body, **{"Content-Type": content_type}, **options)

    def delete(self, lease, data_id, **options):
        return self.storage(lease, "DELETE", "/" + data_id, **options)

    def upload(self, lease, path, data):
        """A small upload, looked up first."""
        logical, name, data_type = self.name_of(lease, path)
        existing = self.look_up(lease, name, data_type)
        if existing:
            answer = self.put_form(lease, "PUT", {"id": existing}, data)
        else:
            answer = self.put_form(lease, "POST", {"name": name, "data-type": data_type}, data)
        assert answer.status == 200, answer
        return self.remember(lease, logical, name, data_type, answer.json["data"][0]["id"])

    def remember(self, lease, logical, name, data_type, data_id):
        lease.artifacts = [artifact for artifact in lease.artifacts if artifact["id"] != data_id]
        lease.artifacts.append({"logical_path": logical, "name": name, "data_type": data_type, "id": data_id})
        return data_id

    def start_multipart(self, lease, path="big.bin", size=None, **changes):
        _, name, data_type = self.name_of(lease, path)
        existing = self.look_up(lease, name, data_type + "_data")
        body = {"name": name, "data_type": data_type + "_data", "content_type": "application/octet-stream"}
        if size is not None:
            body["size"] = size
        if existing:
            body["existing_id"] = existing
        body.update(changes)
        return self.storage(lease, "POST", "/multipart?uploads", json.dumps(body).encode(),
                            **{"Content-Type": "application/json"})

    def put_part(self, lease, upload, number, data, content_type="application/octet-stream"):
        return self.storage(lease, "PUT", f"/multipart?uploadId={upload}&partNumber={number}", data,
                            **{"Content-Type": content_type})

    def complete_multipart(self, lease, upload, parts):
        return self.storage(lease, "POST", f"/multipart?uploadId={upload}", json.dumps({"parts": parts}).encode(),
                            **{"Content-Type": "application/json"})

    def abort_multipart(self, lease, upload):
        return self.storage(lease, "DELETE", f"/multipart?uploadId={upload}")

    def upload_multipart(self, lease, path, data):
        started = self.start_multipart(lease, path, len(data)).json
        upload, size = started["upload_id"], started["part_size"]
        parts = [{"part_number": i // size + 1,
                  "etag": self.put_part(lease, upload, i // size + 1, data[i:i + size]).json["etag"]}
                 for i in range(0, len(data), size)]
        answer = self.complete_multipart(lease, upload, parts)
        assert answer.status == 200, answer
        logical, name, data_type = self.name_of(lease, path)
        return self.remember(lease, logical, name, data_type + "_data", answer.json["id"])

    # --- a whole task ---

    def begin(self, lease=None):
        """Leases (unless given) and sends the first heartbeat."""
        lease = lease or self.lease()
        answer = self.heartbeat(lease)
        assert answer.status == 200, answer
        return lease

    def stop(self):
        if self.inbound:
            self.inbound.stop()
