"""A runner's side of the sockets of stored and leased, with nothing but Python: nng's req protocol and as much msgpack as the
messages of docs/protocol.md need."""
import itertools
import socket
import struct

_HELLO = b"\0SP\0\0\x30\0\0"  # a requester, whichever version of nng answers
_FRAME = b"\1"                # what each message over a Unix socket begins with
_FINAL = 0x80000000           # marks the request's number as the last one of the route


class CallFailed(Exception):
    """The request was answered by `failure`."""

    def __init__(self, failure):
        super().__init__(f"{failure['code']}: {failure['text']}")
        self.code, self.text, self.status = failure["code"], failure["text"], failure.get("status", 0)


# --- msgpack ---

def pack(value):
    """A str becomes a text, bytes become bytes; None is left out of a dict."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value) if value < 0 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, str):
        text = value.encode(errors="surrogateescape")
        return b"\xdb" + struct.pack(">I", len(text)) + text
    if isinstance(value, (bytes, bytearray)):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, (list, tuple)):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        items = [(key, item) for key, item in value.items() if item is not None]
        return b"\xdf" + struct.pack(">I", len(items)) + b"".join(pack(key) + pack(item) for key, item in items)
    raise TypeError(f"{type(value)} is in no message")


class _Unpacker:
    _NUMBERS = {0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q", 0xd0: ">b", 0xd1: ">h", 0xd2: ">i", 0xd3: ">q"}
    _LENGTHS = {0xc4: ">B", 0xc5: ">H", 0xc6: ">I", 0xd9: ">B", 0xda: ">H", 0xdb: ">I",
                0xdc: ">H", 0xdd: ">I", 0xde: ">H", 0xdf: ">I"}

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        piece = self.data[self.at:self.at + count]
        if len(piece) < count:
            raise ValueError("msgpack is cut short")
        self.at += count
        return piece

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, length):
        return self.take(length).decode(errors="surrogateescape")

    def items(self, count):
        return [self.value() for _ in range(count)]

    def pairs(self, count):
        return {self.value(): self.value() for _ in range(count)}

    def value(self):
        head = self.number(">B")
        if head < 0x80 or head >= 0xe0:
            return head if head < 0x80 else head - 0x100
        if head < 0xc0:
            return self.pairs(head & 15) if head < 0x90 else self.items(head & 15) if head < 0xa0 else self.text(head & 31)
        if head in (0xc0, 0xc2, 0xc3):
            return {0xc0: None, 0xc2: False, 0xc3: True}[head]
        if head in self._NUMBERS:
            return self.number(self._NUMBERS[head])
        if head not in self._LENGTHS:
            raise ValueError(f"0x{head:02x} is in no message")
        length = self.number(self._LENGTHS[head])
        reader = self.take if head < 0xd0 else self.text if head < 0xdc else self.items if head < 0xde else self.pairs
        return reader(length)


def unpack(data):
    unpacker = _Unpacker(bytes(data))
    value = unpacker.value()
    if unpacker.at != len(data):
        raise ValueError("bytes behind the msgpack")
    return value


# --- nng ---

class RunnerClient:
    """One connection. A call waits for its answer; begin() and finish() let several be under way at once."""

    def __init__(self, socket_path, timeout=60):
        self._numbers, self._answers = itertools.count(1), {}
        self._peer = socket.socket(socket.AF_UNIX)
        self._peer.settimeout(timeout)
        self._peer.connect(socket_path)
        self._peer.sendall(_HELLO)
        hello = self._take(len(_HELLO))
        if hello[:4] != _HELLO[:4]:
            raise ConnectionError(f"no nng socket: {hello}")

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.close()

    def close(self):
        self._peer.close()

    def call(self, name, /, **fields):
        """The answer as a dict, without its name; CallFailed when it is a failure."""
        return self.finish(self.begin(name, **fields))

    def begin(self, name, /, **fields):
        """Sends a request; its number."""
        return self.begin_bytes(pack({"message": name, **fields}))

    def begin_bytes(self, body):
        """Sends whatever stands for a request."""
        number = next(self._numbers)
        frame = struct.pack(">I", _FINAL | number) + body
        self._peer.sendall(_FRAME + struct.pack(">Q", len(frame)) + frame)
        return number

    def finish(self, number):
        """Waits for the answer to a request."""
        while number not in self._answers:
            self._receive()
        answer = self._answers.pop(number)
        if answer.pop("message") == "failure":
            raise CallFailed(answer)
        return answer

    def _receive(self):
        kind, length = struct.unpack(">cQ", self._take(9))
        if kind != _FRAME:
            raise ConnectionError(f"no frame of nng: {kind}")
        frame = self._take(length)
        self._answers[struct.unpack(">I", frame[:4])[0] & ~_FINAL] = unpack(frame[4:])

    def _take(self, count):
        got = bytearray()
        while len(got) < count:
            more = self._peer.recv(count - len(got))
            if not more:
                raise ConnectionError("the peer hung up")
            got += more
        return got
