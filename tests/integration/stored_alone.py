"""posemesh-stored alone: the test plays its callers (leased, runnerd) and the domain server.

One process answers hundreds of cases a second, so that tests read like tables: what the server sends, what must come of it.
"""
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import uuid

import programs
from programs import PATIENCE_SECS
from scripted_server import PART_BYTES, Server

# More of one task at once are refused (LIMIT_PENDING_TASK_REQUESTS of libcommon/base/limits.h).
AT_ONCE = 60
# From PART_BYTES on an output goes up in parts.
LARGE = b"0123456789" * (PART_BYTES // 4)
# What to put so that a kind of request is made.
UPLOADS = {"lookup": b"small", "create": b"small", "update": b"small", "begin": LARGE, "part": LARGE, "complete": LARGE}
# A lease that ends soon ends the retries; a wait beyond it ends them at once.
SOON_SECS = 0.1
NO_RETRY = "Retry-After: 3600"

STATUSES = [(400, "bad_request"), (401, "unauthorized"), (403, "forbidden"), (404, "not_found"), (409, "conflict"),
            (410, "http"), (413, "http"), (418, "http"), (500, "server_error"), (501, "server_error"), (503, "server_error"),
            (599, "server_error")]
# What would mean something else than a path, a value or a string's end where it is put in as it is.
NASTY = ["../../x", "..", "a/b", "/a", "a b", 'a"b', "a'b", "&x=1", "a#b", "a?b", "a+b", "a=b", "a%2Fb", "%", "a\\b",
         "é\u2028日", "a\tb", "a\nb", "a\r\nX: y", "\x7f", "{}", ";"]


# --- messages: msgpack as far as docs/protocol.md uses it ---

def _pack_head(length, short, short_max, codes):
    if short is not None and length <= short_max:
        return bytes([short | length])
    for code, form, bound in codes:
        if length < bound:
            return bytes([code]) + struct.pack(form, length)
    raise ValueError(length)


def pack(value):
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack(">Bq", 0xd3, value)
    if isinstance(value, bytes):
        return _pack_head(len(value), None, 0, [(0xc4, ">B", 1 << 8), (0xc5, ">H", 1 << 16)]) + value
    if isinstance(value, str):
        data = value.encode(errors="surrogateescape")
        return _pack_head(len(data), 0xa0, 31, [(0xd9, ">B", 1 << 8), (0xda, ">H", 1 << 16)]) + data
    items = b"".join(pack(key) + pack(item) for key, item in value.items())
    return _pack_head(len(value), 0x80, 15, [(0xde, ">H", 1 << 16)]) + items


class _Unpacker:
    """Bytes that are no UTF-8 become surrogates, as in file names."""
    _LENGTHS = {0xc4: ">B", 0xc5: ">H", 0xc6: ">I", 0xd9: ">B", 0xda: ">H", 0xdb: ">I", 0xdc: ">H", 0xdd: ">I", 0xde: ">H"}
    _NUMBERS = {0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q", 0xd0: ">b", 0xd1: ">h", 0xd2: ">i", 0xd3: ">q"}

    def __init__(self, data):
        self._data, self._at = data, 0

    def _take(self, length):
        self._at += length
        return self._data[self._at - length:self._at]

    def _number(self, form):
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def value(self):
        code = self._number(">B")
        if code < 0x80 or code >= 0xe0:
            return code if code < 0x80 else code - 256
        if code in self._NUMBERS:
            return self._number(self._NUMBERS[code])
        if code in (0xc2, 0xc3):
            return code == 0xc3
        length = code & 15 if code < 0xa0 else code & 31 if code < 0xc0 else self._number(self._LENGTHS[code])
        if code < 0x90 or code == 0xde:
            return {self.value(): self.value() for _ in range(length)}
        if code < 0xa0 or code in (0xdc, 0xdd):
            return [self.value() for _ in range(length)]
        data = self._take(length)
        return data if code in (0xc4, 0xc5, 0xc6) else data.decode(errors="surrogateescape")


class Caller:
    """nng's REQ over its IPC framing; any number of questions may be open."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_SECS)
        self._socket.connect(path)
        self._socket.sendall(b"\0SP\0\0\x30\0\0")
        assert self._read(8) == b"\0SP\0\0\x31\0\0"

    def _read(self, length):
        data = bytearray()
        while len(data) < length:
            piece = self._socket.recv(length - len(data))
            assert piece, "stored has closed the connection"
            data += piece
        return bytes(data)

    def ask_all(self, operation, questions):
        """The answers in the order of the questions."""
        answers = {}
        for begin in range(0, len(questions), AT_ONCE):
            batch = questions[begin:begin + AT_ONCE]
            for number, fields in enumerate(batch, begin):
                body = struct.pack(">I", 1 << 31 | number) + pack({"message": operation, **fields})
                self._socket.sendall(struct.pack(">BQ", 1, len(body)) + body)
            for _ in batch:
                length = struct.unpack(">BQ", self._read(9))[1]
                body = self._read(length)
                answers[struct.unpack(">I", body[:4])[0] & ~(1 << 31)] = _Unpacker(body[4:]).value()
        return [answers[number] for number in range(len(questions))]

    def close(self):
        self._socket.close()


# --- stored ---

class Session:
    """A lease's session, as leased opens it and a job's host uses it."""

    def __init__(self, stored, server_url, domain="domain", lease_secs=None, **fields):
        self._stored, self.task_id, self.key = stored, str(uuid.uuid4()), secrets.token_hex(16).encode()
        # Of what is masked no ordinary word has four characters in a row.
        self.token, self.domain, self.open = secrets.token_hex(14) + "~._/+-", domain, True
        if lease_secs is not None:
            fields["lease_ends_boot_ms"] = int((time.clock_gettime(time.CLOCK_BOOTTIME) + lease_secs) * 1000)
        fields = {"dms_is_private": True, **fields}  # as it is on one machine
        self.opened = stored.session("session_open", task_key=self.key, task_id=self.task_id, domain_id=domain,
                                     server_url=server_url, access_token=self.token.encode(), **fields)
        self.folder = os.path.join(stored.work, self.task_id)

    def inputs(self, cids):
        return self._stored.runner.ask_all("input_materialize", [{"task_key": self.key, "cid": cid} for cid in cids])

    def input(self, cid="one"):
        return self.inputs([cid])[0]

    def write(self, rel_path, data):
        """Anew, as another file."""
        path = os.path.join(self.folder, "outputs", rel_path)
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)
        return path

    def ask(self, operation, **fields):
        return self._stored.ask_runner(operation, task_key=self.key, **fields)

    def put_file(self, rel_path="out.bin", **fields):
        """As it lies there."""
        return self.ask("artifact_put", path="outputs/" + rel_path, rel_path=rel_path, **fields)

    def update_token(self):
        return self._stored.session("session_update", task_key=self.key, access_token=self.token.encode())

    def update_lease(self, lease_secs):
        ends = int((time.clock_gettime(time.CLOCK_BOOTTIME) + lease_secs) * 1000)
        return self._stored.session("session_update", task_key=self.key, lease_ends_boot_ms=ends)

    def artifacts(self):
        return [item["logical_path"] for item in self._stored.session("session_artifacts", task_key=self.key)["artifacts"]]

    def puts(self, rel_paths, data=b"small", **fields):
        """Writes the outputs and puts them all at once."""
        for rel_path in rel_paths:
            path = os.path.join(self.folder, "outputs", rel_path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        return self._stored.runner.ask_all("artifact_put", [
            {"task_key": self.key, "path": "outputs/" + rel_path, "rel_path": rel_path, **fields} for rel_path in rel_paths])

    def put(self, rel_path="out.json", data=b"small", **fields):
        return self.puts([rel_path], data, **fields)[0]

    def upload(self, kind):
        """Puts an output whose way leads over a kind of request."""
        return self.put(data=UPLOADS[kind], **({"id": "known"} if kind == "update" else {}))

    def read(self, path):
        with open(os.path.join(self.folder, path), "rb") as file:
            return file.read()

    def files(self):
        """All input files, half ones too, below the folder of all tasks."""
        incoming = os.path.join(self._stored.work, ".incoming-" + self.task_id)
        return sorted(os.path.relpath(os.path.join(folder, name), self.folder)
                      for top in (os.path.join(self.folder, "datasets"), incoming) for folder, _, names in os.walk(top)
                      for name in names)

    def close(self):
        if self.open:
            self._stored.session("session_close", task_key=self.key, access_token=self.token.encode())
        self.open = False


class Stored:
    """The process, in a folder of its own."""

    def __init__(self, **variables):
        self.folder = tempfile.mkdtemp(prefix="pm-it.", dir="/tmp")
        self.work = os.path.join(self.folder, "work")
        self.state = os.path.join(self.folder, "state")
        self.settings = {"REQUEST_TIMEOUT_SECS": "10", "POSEMESH_RUNTIME_DIR": self.folder, "POSEMESH_WORK_DIR": self.work,
                         "POSEMESH_STATE_DIR": self.state, "POSEMESH_MULTIPART_MIN_BYTES": str(PART_BYTES),
                         "LOG_FORMAT": "json", **variables}
        self.tokens = []
        self.start()

    def start(self):
        guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        self.process = subprocess.Popen([*guard, programs.program("stored")], stdin=subprocess.DEVNULL, cwd="/",
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                                        env={**programs.base_environment(), **self.settings})
        self.log, self._callers = programs.Log(self.process.stderr), []
        self.log.wait("started: version")
        self.runner, self._session = self._call("runner"), self._call("session")

    def kill(self):
        """Who waits for an answer hears that the connection is closed, and asks the next one again."""
        self.process.kill()
        self.process.wait()
        for caller in self._callers:
            caller.close()

    def restart(self):
        self.kill()
        self.start()

    def ask_runner(self, operation, **fields):
        """On a connection of its own, so that others may wait meanwhile."""
        caller = self._call("runner")
        return caller.ask_all(operation, [fields])[0]

    def _call(self, role):
        path = os.path.join(self.folder, "stored", role, "sock")
        programs.wait_until(lambda: os.path.exists(path), path)
        self._callers.append(Caller(path))
        return self._callers[-1]

    def session(self, operation, **fields):
        return self._session.ask_all(operation, [fields])[0]

    def open(self, server_url, **fields):
        session = Session(self, server_url, **fields)
        self.tokens.append(session.token)
        return session

    def peak_memory_bytes(self):
        """The most that has been resident since the last reset_peak_memory()."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

    def reset_peak_memory(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
            file.write("5")
        return self.peak_memory_bytes()

    def check_end(self):
        try:
            for caller in self._callers:
                caller.close()
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE_SECS) == 0, f"posemesh-stored ended with {self.process.returncode}"
            self.log.wait_end()
            text = "\n".join(self.log.raw)
            assert not self.log.sanitizer_reports(), text
            assert not [token for token in self.tokens if token in text], "a token is in the log"
            left = os.listdir(self.work)
            assert not left, f"left in the work folder: {left}"
        finally:
            self.remove()

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class StoredCase(unittest.TestCase):
    """Tests that share one stored; each has a server of its own."""
    variables = {}

    @classmethod
    def setUpClass(cls):
        cls.stored = Stored(**cls.variables)
        cls.addClassCleanup(cls.stored.check_end)

    def setUp(self):
        self.stored.log.begin_test()
        self.server = self.serve()
        self.sessions = []

    def serve(self, context=None, **answers):
        server = Server(context, **answers)
        self.addCleanup(lambda: self.assertEqual(server.faults, []))
        self.addCleanup(server.close)
        return server

    def open(self, server_url=None, **fields):
        session = self.stored.open(server_url or self.server.origin, **fields)
        self.assertEqual(session.opened["message"], "session_opened", session.opened)
        self.sessions.append(session)
        return session

    def tearDown(self):
        for session in self.sessions:
            session.close()
        self.assertEqual(os.listdir(self.stored.work), [], "left in the work folder")

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print("".join(f"# {text}\n" for text in self.stored.log.tail(20)), flush=True)
        return result

    def assert_fails(self, given, code, status=0, text=""):
        self.assertEqual((given["message"], given.get("code"), given.get("status", 0)), ("failure", code, status), given)
        self.assertIn(text, given["text"])

    def assert_stored(self, given, data_id):
        self.assertEqual((given["message"], given.get("id")), ("artifact", data_id), given)
