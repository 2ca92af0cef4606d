"""A domain server that sends what a test says, byte for byte, and remembers what it was asked."""
import json
import os
import socket
import ssl
import subprocess
import threading
import urllib.parse

from programs import PATIENCE_SECS

PART_BYTES = 1000


def answer(status=200, body=b"", content_type="application/json", headers=(), framing="length"):
    """An HTTP answer, to be sent in pieces or cut. The framing: length, chunked, or close (the end of the connection)."""
    body = json.dumps(body).encode() if not isinstance(body, bytes) else body
    # Otherwise curl would try the connection once more, and what is a retry and what is not would be left to chance.
    lines = [f"HTTP/1.1 {status} Status", "Connection: close", *headers]
    lines += [f"Content-Type: {content_type}"] if content_type is not None else []
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    if framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:50], body[50:]) if piece) + b"0\r\n\r\n"
    return "\r\n".join([*lines, "", ""]).encode() + body


def form(*parts, boundary="b", end="\r\n"):
    """The multipart body of parts: (parameters of Content-Disposition as text, data)."""
    body = b""
    for parameters, data in parts:
        head = f"--{boundary}{end}Content-Disposition: form-data; {parameters}{end}{end}"
        body += head.encode(errors="surrogateescape") + data + end.encode()
    return body + f"--{boundary}--{end}".encode()


def data_answer(*parts, content_type="multipart/form-data; boundary=b", **arguments):
    return answer(body=form(*parts), content_type=content_type, **arguments)


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, self.query = target.partition("?")

    def argument(self, name):
        """A value of the query as it came."""
        return dict(pair.partition("=")[::2] for pair in self.query.split("&")).get(name)

    @property
    def kind(self):
        if self.path.endswith("/info"):
            return "info"
        if self.path.endswith("/multipart"):
            if self.method == "POST":
                return "begin" if self.query == "uploads" else "complete"
            return {"PUT": "part", "DELETE": "abort"}.get(self.method, "unknown")
        if self.method == "GET":
            return "input" if self.headers.get("accept") == "multipart/form-data" else "lookup"
        return {"POST": "create", "PUT": "update"}.get(self.method, "unknown")


def endless(head, piece, limit_bytes=1 << 30):
    """A head, and then the piece for ever (a gigabyte)."""
    yield head
    piece *= max(1, 65536 // len(piece))
    for _ in range(limit_bytes // len(piece)):
        yield piece


class Server:
    """Answers what `answers` says for the kind of a request: bytes, an iterable of bytes, or a function that gives either. A
    connection carries one request. Without an entry the server is a good one that has nothing yet."""
    NOTHING_YET = {"info": answer(404), "lookup": answer(body={"data": []}), "create": answer(body={"data": [{"id": "made"}]}),
                   "update": answer(body={"data": [{"id": "updated"}]}), "part": answer(body={"etag": "tag"}),
                   "begin": answer(body={"upload_id": "upload", "part_size": PART_BYTES}),
                   "complete": answer(body={"id": "completed"}), "abort": answer(204), "input": answer(404)}

    def __init__(self, context=None, **answers):
        self.answers, self._context = {**self.NOTHING_YET, **answers}, context
        self.requests, self.faults, self.connections, self.sent_bytes = [], [], 0, 0
        self._changed, self._busy = threading.Condition(), 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.origin = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer = self._listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        self._count(1)
        try:
            with self._context.wrap_socket(peer, server_side=True) if self._context else peer as connection:
                request = self._read_request(connection)
                if request:
                    self._answer(connection, request)
        except OSError:
            pass  # stored has hung up
        except Exception as error:  # the test's own fault
            self.faults.append(error)
            raise
        finally:
            self._count(-1)

    def _count(self, difference):
        with self._changed:
            self._busy += difference
            self._changed.notify_all()

    def wait_idle(self):
        """Until no request is read or answered any more."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._busy == 0, PATIENCE_SECS), "the server is still busy"

    def _read_request(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            piece = connection.recv(65536)
            if not piece:
                return None
            body += piece
        method, target, _ = first.split(" ")
        return Request(method, target, headers, body)

    def _answer(self, connection, request):
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        given = self.answers[request.kind]
        given = given(request) if callable(given) else given
        for piece in [given] if isinstance(given, bytes) else given:
            connection.sendall(piece)
            self.sent_bytes += len(piece)

    def asked(self, *kinds):
        return [request for request in list(self.requests) if request.kind in kinds]

    def wait_asked(self, kind):
        """What stored sends on its own, behind a caller's back."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.asked(kind), PATIENCE_SECS), f"no request of the kind {kind}"
        return self.asked(kind)

    def forget(self):
        self.requests, self.sent_bytes = [], 0

    def close(self):
        # shutdown() wakes accept(); close() alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def make_certificate(folder, name, subject):
    """(file of a certificate that nobody but its file vouches for, a server's context with it)"""
    certificate, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                    "-subj", "/CN=" + name, "-addext", "subjectAltName=" + subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def unquoted(text):
    return urllib.parse.unquote(text, errors="strict")
