"""Servers that quote the token they were sent, in every form that a server may, and who looks for it where it must not be."""
import base64
import http.client
import http.server
import re
import threading
import urllib.parse

RUN_BYTES = 8


def _base64(before, encode, padding):
    def form(token):
        text = encode(before + token.encode()).decode()
        return text if padding else text.rstrip("=")
    return form


# How a server may quote a token, by name.
FORMS = {
    "plain": lambda token: token,
    "the header": lambda token: f"Authorization: Bearer {token}",
    "upper case": str.upper,
    "cut at its end": lambda token: token[:-5],
    "cut at its beginning": lambda token: token[5:],
    "base64": _base64(b"", base64.b64encode, True),
    "base64 of the header": _base64(b"Bearer ", base64.b64encode, True),
    "base64 shifted by one": _base64(b"x", base64.b64encode, False),
    "base64 for URLs": _base64(b"xy", base64.urlsafe_b64encode, False),
    "base64 cut at its beginning": lambda token: base64.b64encode(token.encode()).decode()[7:],
    "URL-escaped": lambda token: urllib.parse.quote(token, safe=""),
    "URL-escaped throughout": lambda token: "".join(f"%{byte:02x}" for byte in token.encode()),
    "JSON-escaped": lambda token: "".join(f"\\u{ord(character):04X}" for character in token),
    "JSON with slashes escaped": lambda token: re.sub(r"[^A-Za-z0-9]", lambda found: f"\\u{ord(found[0]):04x}", token),
    "URL-escaped within JSON": lambda token: "".join(f"\\u0025{byte:02X}" for byte in token.encode()),
}


def _runs(text, length):
    return {text[i:i + length] for i in range(len(text) - length + 1)}


def _unescaped(text):
    text = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), text)
    return urllib.parse.unquote(re.sub(r"\\(.)", r"\1", text), errors="replace")


def quotes(text, token):
    """What of a token is to be read in a text: a run of eight characters in any form; None: nothing."""
    wanted = {run.lower() for run in _runs(token, RUN_BYTES)}
    for before in range(3):
        encoded = base64.urlsafe_b64encode(b"x" * before + token.encode()).decode().rstrip("=")
        # What the bytes before and behind decide too is no part of it.
        wanted |= {run.lower() for run in _runs(encoded[2:-2] if before else encoded[:-2], RUN_BYTES * 4 // 3)}
    for _ in range(3):
        readable = text.lower().replace("+", "-").replace("/", "_")
        for run in wanted:
            if run.replace("+", "-").replace("/", "_") in readable:
                return run
        text = _unescaped(text)
    return None


class Proxy:
    """In front of posemesh-devnet: passes on, and answers what `quote` matches with a status and the token in a form."""

    def __init__(self, origin):
        self._server_origin = urllib.parse.urlsplit(origin)
        self.quote = lambda method, path: None  # the status to answer instead, or None
        self.form = FORMS["plain"]
        self.tokens, self.bodies, self.quoted = set(), [], []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def _serve(self):
                proxy.serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = _serve

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        # A client that takes us for its HTTP proxy says the whole URL.
        path = re.sub(r"^http://[^/]*", "", handler.path)
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        if token:
            self.tokens.add(token)
        self.bodies.append((path, body))
        status = self.quote(handler.command, path) if token else None
        if status:
            self.quoted.append(path)
            self._answer(handler, status, {"Content-Type": "text/plain"}, ("what is " + self.form(token)).encode())
            return
        inner = http.client.HTTPConnection(self._server_origin.hostname, self._server_origin.port)
        inner.request(handler.command, path, body or None,
                      {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")})
        answer = inner.getresponse()
        self._answer(handler, answer.status, dict(answer.getheaders()), answer.read())
        inner.close()

    def _answer(self, handler, status, headers, body):
        handler.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                handler.send_header(name, value)
        if status != 204:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
