"""A service at the limit of a file's size (ulimit -f): what is too large fails with a sentence, the service lives on."""
import resource
import unittest

from scripted_server import data_answer
from stored_alone import StoredCase

LIMIT_BYTES = 60000


class FileLimit(StoredCase):
    def setUp(self):
        super().setUp()
        self.limit(LIMIT_BYTES)
        self.addCleanup(self.limit, resource.RLIM_INFINITY)

    def limit(self, limit_bytes):
        resource.prlimit(self.stored.process.pid, resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))

    def test_an_input(self):
        session = self.open()
        for size in (LIMIT_BYTES + 1, 10 * LIMIT_BYTES, 2 << 20):
            self.server.answers["input"] = data_answer((f"size={size}", b"x" * size))
            self.assert_fails(session.input(str(size)), "too_large", text="File too large")
        self.server.answers["input"] = data_answer(("size=5", b"small"))
        self.assertEqual(session.read(session.input("small")["path"]), b"small")
        self.assertIsNone(self.stored.process.poll())

    def test_bytes_and_the_journal(self):
        """Whose own file reaches the limit, too: nothing fails for that."""
        session = self.open()
        given = session.ask("artifact_put_bytes", rel_path="large.bin", bytes=b"x" * (LIMIT_BYTES + 1))
        self.assert_fails(given, "too_large", text="File too large")
        for number in range(60):
            self.assert_stored(session.ask("artifact_put_bytes", rel_path=f"{number}.bin", bytes=b"x" * 100), "made")
        self.stored.log.wait("the journal cannot be written")
        self.assertEqual(len(session.artifacts()), 60)


if __name__ == "__main__":
    unittest.main()
