"""What confines the services, as an operator sees it, and TLS from within."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

import programs
from harness import NodeCase

WITHOUT_LANDLOCK = os.path.join(programs.BIN, "..", "attack", "without-landlock")


class Sandbox(NodeCase):
    def test_the_status_tells_what_confines_a_service(self):
        for service in ("authd", "leased", "stored", "httpd"):
            status, text = self.node.health(service)
            self.assertEqual(status, 0, text)
            self.assertIn("confined: system calls, files", text)
            version = int(re.search(r"Landlock (\d+)", text)[1])
            self.assertEqual("ports" in text, service != "stored" and version >= 4, text)

    def test_a_kernel_without_landlock_is_told_of_once_and_enough(self):
        with tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp") as folder:
            variables = {"POSEMESH_RUNTIME_DIR": folder, "HTTP_LISTEN": "127.0.0.1:0"}
            process = subprocess.Popen([WITHOUT_LANDLOCK, programs.program("httpd")], stderr=subprocess.PIPE, text=True,
                                       env={**programs.base_environment(), **variables})
            log = programs.Log(process.stderr)
            self.addCleanup(process.kill)
            log.wait("started: version", "httpd")
            process.terminate()
            self.assertEqual(process.wait(programs.PATIENCE_SECS), 0)
            log.wait("system calls only: this kernel has no Landlock", "httpd")
            self.assertEqual([line["level"] for line in log.find_all("no Landlock")], ["warn"])


class Relay:
    """TLS in front of a server of plain HTTP."""

    def __init__(self, folder, host, port):
        certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True)
        os.chmod(certificate, 0o644)
        self.certificate, self._target = certificate, (host, port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            peer = self._context.wrap_socket(peer, server_side=True)
            server = socket.create_connection(self._target)
        except OSError:
            peer.close()
            return
        with peer, server:
            upstream = threading.Thread(target=self._copy, args=(peer, server), daemon=True)
            upstream.start()
            self._copy(server, peer)
            upstream.join()

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.close()


class Tls(NodeCase):
    """Certificates are read after the sandbox was entered. (How names are looked up there: tests/attack/sandbox_needs.c; curl
    knows localhost by itself.)"""
    variables = None

    def setUp(self):
        super().setUp()
        folder = tempfile.mkdtemp(prefix="pm-it.", dir="/tmp")
        os.chmod(folder, 0o755)
        self.addCleanup(shutil.rmtree, folder)
        url = urllib.parse.urlsplit(self.devnet.env["DDS_BASE_URL"])
        self.relay = Relay(folder, url.hostname, url.port)
        self.addCleanup(self.relay.close)
        self.dds_url = url._replace(scheme="https", netloc=f"localhost:{self.relay.port}").geturl()

    def test_a_certificate_that_the_operator_trusts(self):
        node = self.own_node(DDS_BASE_URL=self.dds_url, SSL_CERT_FILE=self.relay.certificate)
        self.assertTrue(node.log.find_all("logged in"))

    def test_a_certificate_that_nobody_vouches_for(self):
        node = self.make_node(DDS_BASE_URL=self.dds_url)
        self.addCleanup(node.check_end)
        node.start(ready=False)
        node.log.wait("self-signed certificate", "authd")
        self.assertEqual(node.log.find_all("registered at DDS"), [])


if __name__ == "__main__":
    unittest.main()
