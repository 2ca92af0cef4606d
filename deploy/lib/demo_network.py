"""What the demo says to posemesh-devnet: uploads, jobs, downloads (docs/network.md 3.6 and 4.2)."""

import json
import re
import secrets
import urllib.error
import urllib.request

# Proxies of the environment must not be asked for what runs on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NetworkError(Exception):
    """A request that was not answered as it should be."""


def request(method, url, token=None, body=None, content_type=None, accept=None, timeout=60):
    """Returns the body of a 2xx answer. Raises NetworkError, which names the request."""
    headers = {"posemesh-client-id": "posemesh-demo"}
    for name, value in (("Authorization", token and f"Bearer {token}"), ("Content-Type", content_type),
                        ("Accept", accept)):
        if value:
            headers[name] = value
    try:
        with _opener.open(urllib.request.Request(url, body, headers, method=method), timeout=timeout) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        text = error.read(300).decode("utf-8", "replace").strip()
        raise NetworkError(f"{method} {url} was answered {error.code}: {text}") from None
    except (urllib.error.URLError, OSError) as error:
        raise NetworkError(f"{method} {url}: {getattr(error, 'reason', error)}") from None


def artifact_name(prefix, relative, task_id):
    """The name a node gives an output (docs/network.md 4.2)."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{prefix}/{relative}") + f"_{task_id}"


def _form(name, data_type, content):
    """Returns (content type, body) of a form with one part."""
    boundary = f"posemesh-demo-{secrets.token_hex(16)}"
    disposition = f'form-data; name="{name}"; data-type="{data_type}"'
    head = f"--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Disposition: {disposition}\r\n\r\n"
    return f"multipart/form-data; boundary={boundary}", b"".join(
        (head.encode(), content, f"\r\n--{boundary}--\r\n".encode()))


class Network:
    """The local network that a devnet.env describes, as an app sees it that owns one domain."""

    def __init__(self, env_text, domain_id):
        self.settings = dict(line.removeprefix("export ").split("=", 1) for line in env_text.splitlines() if "=" in line)
        self.domain_id = domain_id
        self._token = self.settings["APP_TOKEN"]
        self._dms = self.settings["DMS_BASE_URL"].rstrip("/")
        self._admin = self.settings["ADMIN_URL"].rstrip("/")
        self.domain_server = self.settings["DOMAIN_SERVER_URL"].rstrip("/")
        self._data_url = f"{self.domain_server}/api/v1/domains/{domain_id}/data"

    def upload(self, name, data_type, content):
        """Stores a file in the domain. Returns its id."""
        content_type, body = _form(name, data_type, content)
        answer = json.loads(request("POST", self._data_url, self._token, body, content_type))
        return answer["data"][0]["id"]

    def download(self, data_id):
        return request("GET", f"{self._data_url}/{data_id}?raw=true", self._token)

    def post_job(self, job):
        body = json.dumps(job).encode()
        return json.loads(request("POST", f"{self._dms}/jobs", self._token, body, "application/json"))

    def job(self, job_id):
        return json.loads(request("GET", f"{self._dms}/jobs/{job_id}", self._token))

    def stored_data(self):
        """All that the domain server holds: id, name, data_type, size, sha256, stored_by of each."""
        answer = json.loads(request("GET", f"{self._admin}/data", self._token))
        return answer["data"] if isinstance(answer, dict) else answer
