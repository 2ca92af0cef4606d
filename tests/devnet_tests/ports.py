"""Ports for programs that must be told one. Where the kernel may choose (port 0), it should."""
import random
import socket

# Below those that the kernel gives to whoever asks for any: only who asks here gets one of these.
_FIRST, _END = 10000, 32768
_claims = []


def free_port():
    """A port that no other test is given as long as this process lives, though many tests run side by side and nobody listens
    at it yet."""
    while True:
        port = random.randrange(_FIRST, _END)
        # A name that the kernel knows until this process ends, however it ends.
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0posemesh-test-port-{port}")
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
