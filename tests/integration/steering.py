"""Texts that steer a terminal or turn the text around them the other way, and a sham service that sends them."""
import contextlib
import os
import shutil
import socket
import struct
import tempfile
import threading
import unicodedata

import programs
from stored_alone import pack

# Clears the screen, sets a title, ends lines, overrides the direction, hides: in the two forms of each kind.
STEERING = "a\x1b[2Jb\x1b]0;title\x07c\nd\re\x9b31mf\x7fg\u2028h\u2029i\u202ej\u2066k\u200bl\ufeffm\U000e0041n\u00ado"


def steers(text):
    """The first character of a line for people that none may have; None: it is clean."""
    return next((character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")), None)


class ShamService:
    """Answers a service's --health with any summary: a service that was taken over, or whoever has its socket."""

    def __init__(self, service, summary):
        self.folder = tempfile.mkdtemp(prefix="pm-it.", dir="/tmp")
        self._service, self._summary = service, summary
        path = os.path.join(self.folder, service, "status")
        os.makedirs(path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.path.join(path, "sock"))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer = self._listener.accept()[0]
            except OSError:
                return
            self._answer(peer)

    def _answer(self, peer):
        """Or hears at once that whoever came only looked whether somebody is there."""
        with contextlib.suppress(OSError), peer, peer.makefile("rb") as stream:
            peer.sendall(b"\0SP\0\0\x31\0\0")
            if len(stream.read(8)) < 8:
                return
            length = struct.unpack(">BQ", stream.read(9))[1]
            request = stream.read(length)
            body = request[:4] + pack({"message": "status", "service": self._service, "version": "0", "pid": 1, "ready": True,
                                       "summary": self._summary, "sandbox": self._summary[:100]})
            peer.sendall(struct.pack(">BQ", 1, len(body)) + body)
            stream.read()

    def health(self):
        """What posemesh-<service> --health prints of it."""
        return programs.run([programs.program(self._service), "--health"], {"POSEMESH_RUNTIME_DIR": self.folder})[:2]

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self.folder)
