"""Wrong settings start nothing; the options of each program."""
import os
import secrets
import tempfile
import unittest

import programs
from programs import SERVICES, program, run

GOOD = {"DDS_BASE_URL": "http://127.0.0.1:9/dds", "DMS_BASE_URL": "http://127.0.0.1:9/dms", "REQUEST_TIMEOUT_SECS": "5",
        "REG_SECRET": "a-registration-secret", "SECP256K1_PRIVHEX": secrets.token_hex(32),
        "NODE_URL": "http://127.0.0.1:9/"}
WRONG = {
    "DDS_BASE_URL": "ftp://dds.example", "DMS_BASE_URL": "http://", "REQUEST_TIMEOUT_SECS": "0", "NODE_URL": "example.org",
    "REGISTRATION_FLOW": "other", "TOKEN_SAFETY_RATIO": "nan", "TOKEN_REAUTH_MAX_RETRIES": "-1",
    "TOKEN_REAUTH_JITTER_MS": "0x10", "REGISTER_INTERVAL_SECS": "0", "REGISTER_MAX_RETRY": "-2",
    "HEARTBEAT_JITTER_MS": "1.5", "HEARTBEAT_MIN_RATIO": "1.1", "HEARTBEAT_MAX_RATIO": "-0.1",
    "POLL_BACKOFF_MS_MIN": "many", "MAX_CONCURRENCY": "0", "POSEMESH_MULTIPART_MIN_BYTES": "0",
    "ENABLE_NOOP": "yes", "NOOP_SLEEP_SECS": "99999999999999999999", "LOG_FORMAT": "xml", "HTTP_LISTEN": "nowhere",
    "SIWE_DOMAIN": "https://dds.example", "ALLOW_INSECURE_DDS": "maybe",
}


class Configuration(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp")
        self.addCleanup(self.folder.cleanup)
        os.chmod(self.folder.name, 0o711)  # services, as other users, have to get there
        self.folders = {"POSEMESH_RUNTIME_DIR": self.folder.name + "/run", "POSEMESH_WORK_DIR": self.folder.name + "/work",
                        "POSEMESH_STATE_DIR": self.folder.name + "/state", "POSEMESH_RUNNERS_DIR": self.folder.name + "/runners"}

    def start(self, variables, *options, name="node"):
        """(status, all output); nothing may have been started or made."""
        status, output, errors = run([program(name), *options], {**self.folders, **variables})
        self.assertEqual(os.listdir(self.folder.name), [])
        self.assertEqual(programs.mentioning(self.folder.name), [])
        return status, output + errors

    def write(self, name, text):
        folder = tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_all_required_variables_are_missed_at_once(self):
        status, output = self.start({})
        self.assertEqual(status, 78)
        for variable in GOOD:
            self.assertIn(variable, output)
        self.assertIn("nothing was started", output)

    def test_every_malformed_variable_is_named_at_once(self):
        status, output = self.start({**GOOD, **WRONG})
        self.assertEqual(status, 78)
        for variable, value in WRONG.items():
            self.assertIn(variable, output)
            self.assertIn(value, output, f"what was given for {variable}")

    def test_dds_is_not_sent_secrets_in_the_clear_unasked(self):
        url = "http://dds.example:8080/dds"
        status, output = self.start({**GOOD, "DDS_BASE_URL": url})
        self.assertEqual(status, 78)
        self.assertIn("DDS_BASE_URL", output)
        self.assertIn(url, output)
        status, output = self.start({**GOOD, "DDS_BASE_URL": url, "ALLOW_INSECURE_DDS": "true"}, "--check-config")
        self.assertEqual(status, 0, output)
        self.assertIn("DDS_BASE_URL is http", output)

    def test_a_folder_that_others_could_replace_is_refused_and_the_remedy_told(self):
        with tempfile.TemporaryDirectory(prefix="pm-it.", dir="/tmp") as folder:
            os.chmod(folder, 0o775)
            for variable, name in (("POSEMESH_RUNTIME_DIR", "authd"), ("POSEMESH_RUNTIME_DIR", "node"),
                                   ("POSEMESH_STATE_DIR", "stored"), ("POSEMESH_WORK_DIR", "runnerd")):
                for option in ((), ("--check-config",)):
                    status, output = self.start({**GOOD, variable: folder + "/deep/run"}, *option, name=name)
                    self.assertEqual(status, 78, output)
                    self.assertIn(f"{variable} leads through {folder}, where others may write (mode 0775)", output)
                    self.assertIn("chmod go-w", output)
            self.assertEqual(os.listdir(folder), [])

    def test_blank_counts_as_missing(self):
        status, output = self.start({**GOOD, "REG_SECRET": " \t", "DMS_BASE_URL": "  "})
        self.assertEqual(status, 78)
        self.assertIn("REG_SECRET", output)
        self.assertIn("DMS_BASE_URL", output)

    def test_a_wrong_key_is_never_shown(self):
        for key in ("f" * 64, "0" * 64, "12ab" * 15, "0X" + "1" * 64, "not hexadecimal at all" * 3):
            status, output = self.start({**GOOD, "SECP256K1_PRIVHEX": key})
            self.assertEqual(status, 78, key)
            self.assertIn("SECP256K1_PRIVHEX", output)
            self.assertNotIn(key, output)
            self.assertNotIn(GOOD["REG_SECRET"], output)

    def test_a_secret_may_come_from_a_file_but_not_both_ways(self):
        path = self.write("secret", "  from-a-file\n")
        without = {name: value for name, value in GOOD.items() if name != "REG_SECRET"}
        status, output = self.start({**without, "REG_SECRET_FILE": path}, "--check-config")
        self.assertEqual(status, 0)
        self.assertIn("the configuration is good", output)
        status, output = self.start({**GOOD, "REG_SECRET_FILE": path})
        self.assertEqual(status, 78)
        self.assertNotIn("from-a-file", output)
        status, output = self.start({**without, "REG_SECRET_FILE": path + ".missing"})
        self.assertEqual(status, 78)
        self.assertIn("REG_SECRET_FILE", output)

    def test_checking_the_configuration_starts_nothing(self):
        self.assertEqual(self.start(GOOD, "--check-config")[0], 0)
        status, output = self.start({**GOOD, "MAX_CONCURRENCY": "none"}, "--check-config")
        self.assertEqual(status, 78)
        self.assertIn("MAX_CONCURRENCY", output)

    def test_each_service_checks_what_it_reads(self):
        wrong = {"authd": "TOKEN_SAFETY_RATIO", "leased": "MAX_CONCURRENCY", "stored": "POSEMESH_MULTIPART_MIN_BYTES",
                 "httpd": "HTTP_LISTEN", "runnerd": "ENABLE_NOOP"}
        for service, variable in wrong.items():
            with self.subTest(service):
                self.assertEqual(self.start({**GOOD, **WRONG, variable: "?"}, "--check-config", name=service)[0], 78)
                self.assertEqual(self.start(GOOD, "--check-config", name=service)[0], 0)
                status, output = self.start({**GOOD, variable: "?"}, name=service)
                self.assertEqual(status, 78, output)
                self.assertIn(variable, output)

    def test_each_program_tells_of_itself(self):
        versions = set()
        for name in ("node", *SERVICES, "devnet"):
            with self.subTest(name):
                status, output, _ = run([program(name), "--help"], {})
                self.assertEqual(status, 0)
                self.assertIn(f"posemesh-{name}", output)
                status, output, _ = run([program(name), "--version"], {})
                self.assertEqual(status, 0)
                self.assertTrue(output.startswith(f"posemesh-{name} "), output)
                versions.add(output.split()[1])
                self.assertNotEqual(run([program(name), "--no-such-option"], {})[0], 0)
        self.assertEqual(len(versions), 1)

    def test_a_services_help_names_what_it_reads_and_nothing_else(self):
        for service, reads, reads_not in (("authd", "REG_SECRET", "MAX_CONCURRENCY"), ("leased", "DMS_BASE_URL", "REG_SECRET"),
                                          ("stored", "CLIENT_ID", "SECP256K1"), ("httpd", "HTTP_LISTEN", "REG_SECRET"),
                                          ("runnerd", "ENABLE_NOOP", "DMS_BASE_URL")):
            _, output, _ = run([program(service), "--help"], {})
            self.assertIn(reads, output)
            self.assertNotIn(reads_not, output)

    def test_asking_a_service_that_does_not_run(self):
        for name in ("node", *SERVICES):
            with self.subTest(name):
                status, output, _ = run([program(name), "--health"], self.folders)
                self.assertEqual(status, 69, output)


if __name__ == "__main__":
    unittest.main()
