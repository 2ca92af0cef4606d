"""The services' sockets as a program in another language would use them: SP over Unix sockets, messages in msgpack."""
import queue
import socket
import struct
import threading

import programs

_REQUEST, _SUBSCRIBE = 0x30, 0x21


def pack(value):
    """msgpack, as much as requests need."""
    if isinstance(value, dict):
        return bytes([0x80 | len(value)]) + b"".join(pack(key) + pack(item) for key, item in value.items())
    text = value.encode()
    return b"\xdb" + struct.pack(">I", len(text)) + text


def unpack(data):
    value, end = _unpack(data, 0)
    assert end == len(data), "bytes after the message"
    return value


_NUMBERS = {0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q", 0xd0: ">b", 0xd1: ">h", 0xd2: ">i", 0xd3: ">q"}
_TEXTS = {0xc4: ">B", 0xc5: ">H", 0xc6: ">I", 0xd9: ">B", 0xda: ">H", 0xdb: ">I"}
_LISTS = {0xdc: ">H", 0xdd: ">I", 0xde: ">H", 0xdf: ">I"}


def _number(data, at, form):
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def _unpack(data, at):
    kind, at = data[at], at + 1
    if kind <= 0x7f or kind >= 0xe0:
        return (kind if kind <= 0x7f else kind - 0x100), at
    if kind in (0xc2, 0xc3):
        return kind == 0xc3, at
    if kind in _NUMBERS:
        return _number(data, at, _NUMBERS[kind])
    if 0xa0 <= kind <= 0xbf or kind in _TEXTS:
        length, at = (kind & 0x1f, at) if kind <= 0xbf else _number(data, at, _TEXTS[kind])
        return data[at:at + length].decode(), at + length
    is_map = kind <= 0x8f or kind >= 0xde
    count, at = (kind & 0x0f, at) if kind <= 0x9f else _number(data, at, _LISTS[kind])
    items = []
    for _ in range(count * (2 if is_map else 1)):
        item, at = _unpack(data, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if is_map else items), at


class _Pipe:
    def __init__(self, path, protocol):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(programs.PATIENCE_SECS)
        self.socket.connect(path)
        self.socket.sendall(b"\0SP\0" + struct.pack(">HH", protocol, 0))
        self._take(8)

    def _take(self, count):
        got = b""
        while len(got) < count:
            more = self.socket.recv(count - len(got))
            if not more:
                raise ConnectionError("hung up")
            got += more
        return got

    def send(self, frame):
        self.socket.sendall(b"\1" + struct.pack(">Q", len(frame)) + frame)

    def receive(self):
        return self._take(struct.unpack(">xQ", self._take(9))[0])

    def close(self):
        self.socket.close()


def ask(path, message):
    """The answer to one request."""
    pipe = _Pipe(path, _REQUEST)
    try:
        pipe.send(struct.pack(">I", 0x80000001) + pack(message))
        return unpack(pipe.receive()[4:])
    finally:
        pipe.close()


class Subscriber:
    """A service's events, from now on."""

    def __init__(self, path):
        self._pipe = _Pipe(path, _SUBSCRIBE)
        self._pipe.socket.settimeout(None)
        self._queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while True:
                self._queue.put(unpack(self._pipe.receive()))
        except OSError:
            return

    def next(self, message, **fields):
        """The next event of this type with these fields; others before it are dropped."""
        while True:
            event = self._queue.get(timeout=programs.PATIENCE_SECS)
            if event["message"] == message and fields.items() <= event.items():
                return event

    def close(self):
        self._pipe.socket.shutdown(socket.SHUT_RDWR)
        self._pipe.close()
