"""Callers that keep an HTTP server waiting: each begins a request, never ends it, and calls again when it is hung up on."""
import contextlib
import selectors
import socket
import threading


class SlowFlood:
    """`with SlowFlood(place): ...`; `reopened` counts the calls after the first ones."""

    def __init__(self, place, count=400, begin=b"GET /hea", source="127.0.0.1"):
        self._place, self._begin, self._source = place, begin, source
        self._selector, self._ends = selectors.DefaultSelector(), False
        self._all_called = threading.Event()
        self._calls, self._count = 0, count
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def reopened(self):
        return max(0, self._calls - self._count)

    def __enter__(self):
        for _ in range(self._count):
            self._call()
        self._thread.start()
        assert self._all_called.wait(40), "the callers did not get through"
        return self

    def __exit__(self, *_):
        self._ends = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _call(self):
        caller = socket.socket()
        caller.setblocking(False)
        caller.bind((self._source, 0))
        caller.connect_ex(self._place)
        self._selector.register(caller, selectors.EVENT_WRITE)

    def _run(self):
        while not self._ends:
            for key, events in self._selector.select(0.1):
                with contextlib.suppress(ConnectionError):
                    if events & selectors.EVENT_WRITE:
                        key.fileobj.send(self._begin)
                        self._calls += 1
                        self._selector.modify(key.fileobj, selectors.EVENT_READ)
                        continue
                    if key.fileobj.recv(4096):
                        continue
                self._selector.unregister(key.fileobj)
                key.fileobj.close()
                self._call()
            if self._calls >= self._count:
                self._all_called.set()
