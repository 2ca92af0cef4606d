"""What programs say to people: of names that nobody reads, options that there are not, folders, URLs and clocks."""
import contextlib
import email.utils
import http.server
import os
import re
import secrets
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import programs
import quoting
from harness import NodeCase
from programs import SERVICES, program, run
from test_configuration import GOOD
from test_tokens import NONCE, VERIFY, Authd, AuthdCase

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SCRIPTS = ("deploy/demo", "deploy/install-deps", "tests/run", "tests/soak", "tests/attack/run", "tests/structure/run",
           "tests/fuzz/run")
ARGPARSE = ("tests/mutation/run", "tests/bench/pickup/run", "tests/bench/scale/run", "tests/bench/strangers/run",
            "tests/bench/transfer/run")
PROGRAMS = ("node", *SERVICES, "devnet", "job-shim")
HOUR_MS = 3600 * 1000


@contextlib.contextmanager
def open_folder():
    """One that other users, those of services, can enter."""
    with tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp") as folder:
        os.chmod(folder, 0o711)
        yield folder


class Names(unittest.TestCase):
    """Of variables."""

    def check(self, name="node", **variables):
        with open_folder() as folder:
            folders = {f"POSEMESH_{kind}_DIR": f"{folder}/{kind.lower()}" for kind in ("RUNTIME", "WORK", "STATE", "RUNNERS")}
            status, output, errors = run([program(name), "--check-config"], {**GOOD, **folders, **variables})
        return status, output + errors

    def test_a_misspelt_variable_is_warned_of_with_the_nearest_name_and_not_its_value(self):
        secret = secrets.token_hex(16)
        for name in ("node", *SERVICES):
            with self.subTest(name):
                status, output = self.check(name, POLL_BACKOF_MS_MIN="4711", REG_SECERT=secret, POSEMESH_COLOUR="blue")
                self.assertEqual(status, 0, output)
                self.assertIn("POLL_BACKOF_MS_MIN is read by nobody: is POLL_BACKOFF_MS_MIN meant?", output)
                self.assertIn("REG_SECERT is read by nobody: is REG_SECRET meant?", output)
                self.assertIn("POSEMESH_COLOUR is read by nobody; --help lists what is", output)
                self.assertNotIn("4711", output)
                self.assertNotIn(secret, output)

    def test_neither_what_others_read_nor_the_tests_own_environment_is(self):
        ours = {name: "x" for name in os.environ if not name.startswith("POSEMESH_")}
        for name in ("node", *SERVICES):
            status, output = self.check(name, **{**ours, "PATH": os.environ["PATH"]})
            self.assertEqual(status, 0, output)
            self.assertNotIn("read by nobody", output)

    def test_what_is_wrong_with_a_secrets_file_begins_with_its_variable(self):
        without = {name: "" for name in ("SECP256K1_PRIVHEX",)}
        _, output = self.check(**without, SECP256K1_PRIVHEX_FILE="/no/such/file")
        self.assertRegex(output, r"\bnode +SECP256K1_PRIVHEX_FILE is /no/such/file: cannot open it: No such file or directory\n")
        _, output = self.check(**without)
        self.assertRegex(output, r"\bnode +SECP256K1_PRIVHEX is required \(or SECP256K1_PRIVHEX_FILE, the name of a file that holds it\)\n")


class OneNode(NodeCase):
    variables = {"MAX_CONCURENCY": "4711"}

    def test_a_node_warns_once_for_all_its_services(self):
        warnings = self.node.log.find_all("MAX_CONCURENCY")
        texts = [text for text in self.node.log.raw if "MAX_CONCURENCY" in text]
        self.assertEqual(len(texts), 1, texts)
        self.assertIn("MAX_CONCURENCY is read by nobody: is MAX_CONCURRENCY meant?", texts[0])
        self.assertLessEqual(len(warnings), 1)

    def test_a_lease_that_had_expired_when_it_came_is_told_with_both_clocks(self):
        self.devnet.admin("POST", "/overrides/lease", {"patch": {"lease_expires_at": "2020-01-01T00:00:00Z"}})
        shown = self.devnet.run()
        self.assert_completed(shown)
        line = self.node.log.wait(f"the lease of task {shown['tasks'][0]['id']} had expired when it came, at "
                                  "2020-01-01T00:00:00.000Z", "leased")
        self.assertRegex(line["msg"], r"; this machine's clock says 20\S+Z, the server's 20\S+Z$")


class CommandLines(unittest.TestCase):

    def test_an_unknown_option_is_named_by_every_program(self):
        for name in PROGRAMS:
            for argument, fault in (("--foo", "unknown option --foo"), ("bar", "unexpected argument bar"), ("-x", "unknown option -x")):
                with self.subTest(name, argument=argument):
                    status, output, errors = run([program(name), argument], {})
                    self.assertEqual((status, output), (64, ""), errors)
                    self.assertEqual(errors.splitlines()[-1], f"posemesh-{name}: {fault}; see --help")

    def test_and_by_every_script(self):
        for path in SCRIPTS + ARGPARSE:
            with self.subTest(path):
                status, output, errors = run([os.path.join(ROOT, path), "--foo"], {"HOME": "/nonexistent"})
                self.assertEqual(status, 2 if path in ARGPARSE else 64, errors)
                self.assertIn("--foo", errors)
                self.assertEqual(output, "")

    def test_an_option_with_a_value_that_it_cannot_have_is_named(self):
        self.assertIn("unknown option --health=3;", run([program("authd"), "--health=3"], {})[2])
        self.assertIn("--state needs a value;", run([program("devnet"), "--state"], {})[2])

    def test_what_follows_an_option_that_ends_the_program_is_refused(self):
        for name in PROGRAMS:
            options = ["--help", *(["--version"] if name != "job-shim" else []),
                       *(["--health", "--check-config"] if name in ("node", *SERVICES) else [])]
            for option in options:
                for more in ("--foo", "--help", "more"):
                    with self.subTest(name, option=option, more=more):
                        status, output, errors = run([program(name), option, more], {})
                        self.assertEqual((status, output), (64, ""))
                        self.assertEqual(errors.splitlines()[-1], f"posemesh-{name}: unexpected argument {more}; see --help")

    def test_help_fits_a_terminal(self):
        for command in (*(program(name) for name in PROGRAMS), f"{ROOT}/deploy/demo", f"{ROOT}/deploy/install-deps"):
            with self.subTest(command):
                status, output, errors = run([command, "--help"], {})
                self.assertEqual((status, errors), (0, ""))
                self.assertEqual([line for line in output.splitlines() if len(line) > 80], [])
                self.assertEqual(run([command, "-h"], {}), (0, output, ""))

    def test_help_names_what_posemesh_node_alone_reads(self):
        self.assertRegex(run([program("node"), "--help"], {})[1], r"\n  POSEMESH_UID_BASE +as root: ")
        self.assertNotIn("POSEMESH_UID_BASE", run([program("runnerd"), "--help"], {})[1])

    def test_a_programs_help_has_words_for_every_kind_of_setting(self):
        output = run([program("node"), "--help"], {})[1]
        self.assertIn("\n  SECP256K1_PRIVHEX or SECP256K1_PRIVHEX_FILE\n", output)
        self.assertRegex(output, r"\n  LOG_FORMAT +text is for people \(json, text; default: json\)\n")
        self.assertRegex(output, r"\n  DDS_BASE_URL +required: discovery service;")
        self.assertNotIn("(required)", output)


class Folders(unittest.TestCase):

    def test_an_error_of_a_folder_names_its_variable(self):
        for name, variable in (("node", "POSEMESH_RUNTIME_DIR"), ("node", "POSEMESH_STATE_DIR"), ("node", "POSEMESH_WORK_DIR"),
                               ("stored", "POSEMESH_STATE_DIR"), ("stored", "POSEMESH_WORK_DIR"), ("stored", "POSEMESH_RUNTIME_DIR")):
            with self.subTest(name, variable=variable), open_folder() as folder:
                with open(folder + "/file", "w"):
                    pass
                folders = {f"POSEMESH_{kind}_DIR": f"{folder}/{kind.lower()}" for kind in ("RUNTIME", "WORK", "STATE", "RUNNERS")}
                status, _, errors = run([program(name)], {**GOOD, **folders, "HTTP_LISTEN": f"127.0.0.1:{programs.free_port()}",
                                                          variable: folder + "/file/below"})
                self.assertNotEqual(status, 0)
                (line,) = [line for line in errors.splitlines() if f"{folder}/file" in line and "rror" in line]
                self.assertIn(variable, line)


    def test_a_service_by_itself_says_each_fault_once_and_no_step(self):
        with tempfile.NamedTemporaryFile(prefix="pm-it.", dir="/tmp") as file:
            status, _, errors = run([program("runnerd")], {"POSEMESH_RUNTIME_DIR": file.name + "/run"})
        self.assertEqual(status, 78)
        self.assertRegex(errors, r"runnerd\W.*\WPOSEMESH_RUNTIME_DIR: uid ")
        self.assertNotIn("folders:", errors)
        errors = run([program("runnerd")], {"ENABLE_NOOP": "?", "LOG_FORMAT": "text"})[2]
        self.assertRegex(errors, r"runnerd +1 fault in the configuration\n")

    def test_who_may_not_ask_is_told_who_may_and_where_is_told_by_which_variable(self):
        with open_folder() as folder:
            status, output, _ = run([program("leased"), "--health"], {"POSEMESH_RUNTIME_DIR": folder})
            self.assertEqual((status, output), (69, f"leased: not running: nobody listens at {folder}/leased/status/sock "
                                                    "(POSEMESH_RUNTIME_DIR says where)\n"))
        status, output, _ = run([program("node"), "--health"], {"POSEMESH_RUNTIME_DIR": "run"})
        self.assertEqual(status, 1)
        self.assertIn("leased   cannot ask: POSEMESH_RUNTIME_DIR is 'run', expected an absolute path\n", output)


class OtherClock(quoting.Proxy):
    """In front of posemesh-devnet, which it says to be in another hour."""

    def __init__(self, origin, ahead_ms):
        super().__init__(origin)
        self.ahead_ms = ahead_ms

    def _answer(self, handler, *arguments):
        handler.date_time_string = lambda: email.utils.formatdate(time.time() + self.ahead_ms / 1000, usegmt=True)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # authd ended meanwhile
            super()._answer(handler, *arguments)


class Logins(AuthdCase):
    """That fail: where, and at what time."""
    ahead_ms = 0

    def setUp(self):
        super().setUp()
        origin = re.match("http://[^/]*", self.devnet.env["DDS_BASE_URL"])[0]
        self.proxy = OtherClock(origin, self.ahead_ms)
        self.addCleanup(self.proxy.close)
        user = "http://name:hidden-password@"
        env = {**self.devnet.env, "DDS_BASE_URL": self.proxy.origin.replace("http://", user) + "/dds"}
        self.behind = Authd(env, **self.variables)
        self.addCleanup(self.behind.check_end)
        self.url = self.proxy.origin + "/dds/internal/v1/auth/siwe/"

    def failed(self, path, status, body):
        """What authd says of a request that DDS answers so."""
        self.devnet.fault(kind="status", path=path, status=status, body=body, count=1)
        self.behind.ask("register", "/test/tokens/v1")
        line = self.behind.log.wait(f"answered {status}")["msg"]
        self.assertNotIn("hidden", "\n".join(self.behind.log.raw))
        return line

    def test_the_whole_url_is_named(self):
        text = self.failed(NONCE, 503, "busy")
        self.assertTrue(text.endswith(f": POST {self.url}request answered 503: busy"), text)

    def test_a_login_that_expired_is_told_with_both_clocks(self):
        text = self.failed(VERIFY, 401, "the nonce has expired")
        self.assertRegex(text, re.escape(f"POST {self.url}verify answered 401: the nonce has expired; this machine's clock says ")
                         + r"20\S+Z, the server's 20\S+Z$")


class Placeholder(AuthdCase):

    def test_a_secret_that_was_typed_as_readme_has_it_hides_nothing_else(self):
        with open(os.path.join(ROOT, "README.md")) as file:
            secret = re.search(r"^echo (\S+) \| sudo install .*/reg-secret$", file.read(), re.M)[1]
        self.devnet.fault(kind="status", path="/dds/internal/v1/nodes/*", status=403, count=1,
                          body="cannot POST /nodes/register-wallet")
        authd = Authd({**self.devnet.env, "REG_SECRET": secret})
        self.addCleanup(authd.check_end)
        authd.ask("register", "/test/tokens/v1")
        line = authd.log.wait("answered 403")["msg"]
        self.assertNotIn("*", line)
        self.assertTrue(line.endswith(": cannot POST /nodes/register-wallet"), line)


class LoginsElsewhen(Logins):
    ahead_ms = 37 * 60 * 1000 + 5000

    def test_the_whole_url_is_named(self):
        self.assertIn(f"POST {self.url}request answered 503: busy; this machine's clock says ", self.failed(NONCE, 503, "busy"))

    def test_a_login_that_expired_is_told_with_both_clocks(self):
        text = self.failed(VERIFY, 401, "the nonce has expired")
        self.assertRegex(text, r"; this machine's clock says 20\S+Z, the server's 20\S+Z: 37 minutes behind, one of them has to be set$")


    def test_a_token_that_had_expired_when_it_came_is_told_with_both_clocks(self):
        self.proxy.ahead_ms = 2 * HOUR_MS
        self.behind.ask("register", "/test/tokens/v1")
        text = self.behind.log.wait("login failed")["msg"]
        self.assertRegex(text, r"access_expires_at is not in the future: 20\S+Z; this machine's clock says 20\S+Z, the server's "
                               r"20\S+Z: (119 minutes|2 hours) behind, one of them has to be set$")


class Certificates(unittest.TestCase):

    def test_the_time_is_told_with_a_certificate_that_has_expired(self):
        with tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp") as folder:
            key, request, certificate = (f"{folder}/{name}.pem" for name in ("key", "request", "certificate"))
            for command in (["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj", "/CN=x",
                             "-addext", "subjectAltName=IP:127.0.0.1", "-out", request],
                            ["x509", "-req", "-in", request, "-signkey", key, "-copy_extensions", "copy", "-days", "-1",
                             "-out", certificate]):
                subprocess.run(["openssl", *command], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
            server.handle_error = lambda *arguments: None  # the client ends each handshake
            server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            origin = f"https://127.0.0.1:{server.server_port}"
            authd = Authd({"DDS_BASE_URL": origin, "REG_SECRET": secrets.token_hex(16),
                           "ROBOT_REGISTRATION_CREDENTIALS": secrets.token_hex(16)}, SSL_CERT_FILE=certificate)
            try:
                authd.ask("register", "/test/tokens/v1")
                text = authd.log.wait("certificate has expired")["msg"]
                self.assertRegex(text, re.escape(f"POST {origin}/internal/v1/auth/siwe/request: ")
                                 + r".*certificate has expired; this machine's clock says 20\S+Z; is it right\?$")
            finally:
                authd.check_end()
                server.shutdown()
                server.server_close()


if __name__ == "__main__":
    unittest.main()
