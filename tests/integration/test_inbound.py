"""httpd's endpoint from outside: whose the port is while httpd restarts, who may be slow, which paths and heads count."""
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

import programs
from harness import NodeCase
from programs import PATIENCE_SECS
from slow_flood import SlowFlood

CALLBACK = b"POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: n\r\n\r\n"
SECRET_PATH = "/s3cret-0123456789abcdef"


def place_of(node):
    url = urllib.parse.urlsplit(node.url)
    return url.hostname, url.port


def begin(place, data, source="127.0.0.1"):
    """A connection that has sent this."""
    connection = socket.create_connection(place, PATIENCE_SECS, (source, 0))
    connection.sendall(data)
    return connection


def read_to_end(connection):
    """All that comes until the connection ends; b"" when it ended without an answer."""
    answer = b""
    with connection, contextlib.suppress(ConnectionResetError):
        while more := connection.recv(4096):
            answer += more
    return answer


def ask(place, data, source="127.0.0.1"):
    return read_to_end(begin(place, data, source))


def get(place, path, headers=(("User-Agent", "test"),), method="GET", body=None):
    connection = http.client.HTTPConnection(*place, timeout=PATIENCE_SECS)
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers))
        return connection.getresponse().status


def inodes(pid):
    """The sockets that a process has open."""
    links = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return {link for link in links if link.startswith("socket:")}


def listening_inode(port):
    with open("/proc/net/tcp") as file:
        rows = [line.split() for line in file][1:]
    return next(f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port)


class Endpoint(NodeCase):
    settings = {"restarts_allowed": True}

    def test_a_restart_loses_no_connection_that_waits(self):
        place, mark = place_of(self.node), self.node.log.mark()
        pid = self.node.pid("httpd")
        os.kill(pid, signal.SIGSTOP)  # so that it takes none of these itself
        queued = [begin(place, HEALTH) for _ in range(100)]
        os.kill(pid, signal.SIGKILL)
        answers = [read_to_end(connection) for connection in queued]
        self.node.log.wait("started: version", "httpd", since=mark)
        self.assertEqual([answer[:15] for answer in answers], [b"HTTP/1.1 200 OK"] * 100)

    def test_a_stopped_httpd_leaves_the_socket_to_the_next(self):
        mark = self.node.log.mark()
        os.kill(self.node.pid("httpd"), signal.SIGTERM)
        self.assertIn(b"200 OK", ask(place_of(self.node), HEALTH))
        self.node.log.wait("started: version", "httpd", since=mark)
        mark = self.node.log.mark()
        self.devnet.admin("POST", "/nodes/callback")
        self.node.log.wait("callback stored", since=mark)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to look at the services' descriptors")
    def test_the_node_and_httpd_alone_have_the_socket(self):
        inode = listening_inode(place_of(self.node)[1])
        having = [service for service in programs.SERVICES if inode in inodes(self.node.pid(service))]
        self.assertEqual(having, ["httpd"])
        self.assertIn(inode, inodes(self.node.process.pid))

    def test_a_port_of_another_ends_the_start(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = "127.0.0.1:%d" % other.getsockname()[1]
            node = self.make_node(HTTP_LISTEN=address)
            self.addCleanup(node.remove)
            node.start(ready=False)
            self.assertEqual(node.wait_exit(), 78)
            node.log.wait(f"HTTP_LISTEN {address}: another program has the port")
            node.log.wait("Stop that, or set HTTP_LISTEN to another port")
            self.assertEqual(os.listdir(node.runtime), [], "nothing was started")

    def test_a_port_that_is_about_to_be_free_is_waited_for(self):
        """As that of a node that was killed and is started again at once."""
        node = self.make_node()
        self.addCleanup(node.check_end)
        with socket.create_server(place_of(node)):
            node.start(ready=False)
            node.log.wait("may be about to end", "node")
        node.wait_ready()

    def test_slow_connections_lose_their_places_to_others(self):
        place = place_of(self.node)
        with SlowFlood(place) as flood:
            while flood.reopened < 1000:
                self.assertIn(b"200 OK", ask(place, HEALTH, "127.0.0.2"))

    def test_a_head_of_which_two_readers_think_differently_is_refused(self):
        place, smuggled = place_of(self.node), b"0\r\n\r\n" + HEALTH
        for what in (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 3\r\nContent-Length: 5\r\n",
                     b"Content-Length: 3\r\nContent-Length: 3\r\n", b"Content-Length : 3\r\n", b"Transfer-Encoding\t: chunked\r\n"):
            with self.subTest(what):
                answer = ask(place, CALLBACK + what + b"\r\n" + smuggled)
                self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
                self.assertNotIn(b"200 OK", answer)
        self.assertIn(b"HTTP/1.1 400 ", ask(place, b"GET /health HTTP/1.1\r\nHost : n\r\n\r\n"))


class ExactPath(NodeCase):
    """A secret path in NODE_URL, which DDS calls and nobody else knows."""
    variables = None

    def test_nothing_is_answered_elsewhere_and_no_log_has_it(self):
        node = self.make_node(NODE_URL_PATH="exact")
        node.variables["NODE_URL"] = node.url.rstrip("/") + SECRET_PATH + "/"
        self.addCleanup(node.check_end)
        node.start()  # DDS has called back, or it would not have logged in
        place, dds = place_of(node), (("User-Agent", "DDS v1"), ("Content-Type", "application/json"))
        for path in ("/health", "/", SECRET_PATH, SECRET_PATH[:-1] + "/health", "/x" + SECRET_PATH + "/health"):
            self.assertEqual(get(place, path, dds), 404, path)
        forged = b'{"id":"00000000-0000-0000-0000-000000000001","secret":"forged"}'
        self.assertEqual(get(place, "/internal/v1/registrations", dds, "POST", forged), 404)
        self.assertEqual(get(place, SECRET_PATH + "/health", dds), 200)
        self.assertEqual(get(place, SECRET_PATH + "/internal/v1/registrations", dds, "POST", b"{}"), 422)
        self.assertNotIn(SECRET_PATH, "\n".join(node.log.raw))


def hand_down(held, name, variables):
    """The program, with a listening socket as systemd hands one down."""
    # exec keeps the pid that LISTEN_PID has to be.
    script = f"export LISTEN_PID=$$ LISTEN_FDS=1; exec {programs.program(name)} 3<&{held.fileno()}"
    return subprocess.Popen(["/bin/bash", "-c", script], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                            pass_fds=[held.fileno()], env={**programs.base_environment(), **variables})


class SocketActivation(NodeCase):
    variables = None

    def test_httpd_takes_what_systemd_hands_down(self):
        with tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp") as folder, socket.create_server(("127.0.0.1", 0)) as held:
            place = held.getsockname()
            queued = begin(place, HEALTH)
            process = hand_down(held, "httpd", {"POSEMESH_RUNTIME_DIR": folder, "HTTP_LISTEN": "%s:%d" % place})
            log = programs.Log(process.stderr)
            self.addCleanup(process.kill)
            self.assertIn(b"200 OK", read_to_end(queued))
            process.terminate()
            self.assertEqual(process.wait(PATIENCE_SECS), 0)
            log.wait("listening at %s:%d" % place, "httpd")
            # It is still the holder's, and still listens.
            begin(place, HEALTH).close()

    def test_the_node_takes_it_and_hands_it_on(self):
        node = self.make_node()
        self.addCleanup(node.check_end)
        with socket.create_server(place_of(node)) as held:
            node.process = hand_down(held, "node", node.variables)
            node.log = programs.Log(node.process.stderr)
            node.wait_ready()  # the port is taken, so it is this socket that DDS has called
            node.kill("httpd")
            self.assertIn(b"200 OK", ask(place_of(node), HEALTH))


if __name__ == "__main__":
    unittest.main()
