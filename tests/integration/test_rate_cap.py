"""TRANSFER_MAX_BYTES_PER_SEC: uploads and downloads together keep below it, share it, and arrive whole."""
import os
import time
import unittest

from scripted_server import answer, data_answer
from stored_alone import StoredCase
from test_session_end import Asking

RATE = 300000
DATA = os.urandom(600000)
ALONE_SECS = len(DATA) / RATE


class RateCap(StoredCase):
    variables = {"TRANSFER_MAX_BYTES_PER_SEC": str(RATE), "POSEMESH_MULTIPART_MIN_BYTES": "10000000"}
    begins_first = True

    def setUp(self):
        super().setUp()
        self.server.answers["input"] = data_answer((f"size={len(DATA)}", DATA))
        self.session = self.open()

    def download(self, cid="one"):
        began = time.monotonic()
        given = self.session.ask("input_materialize", cid=cid)
        self.assertEqual(self.session.read(given["path"]), DATA)
        return time.monotonic() - began

    def upload(self, rel_path="out.bin"):
        began = time.monotonic()
        self.session.write(rel_path, DATA)
        self.assert_stored(self.session.put_file(rel_path), "made")
        self.assertIn(DATA, self.server.asked("create")[-1].body)
        return time.monotonic() - began

    def assert_took(self, secs, transfers=1):
        """An idle tenth of a second may be saved up before."""
        self.assertGreater(secs, transfers * ALONE_SECS - 0.2)

    def test_a_download_keeps_below_it(self):
        self.assert_took(self.download())

    def test_an_upload_keeps_below_it(self):
        self.assert_took(self.upload())

    def test_an_upload_and_a_download_share_it(self):
        began = time.monotonic()
        both = [Asking(self.download), Asking(self.upload)]
        took = [asking.answer() for asking in both]
        self.assert_took(time.monotonic() - began, 2)
        self.assertGreater(min(took), 1.3 * ALONE_SECS, "one of them had most of it")

    def test_what_ends_meanwhile_leaves_the_other_whole(self):
        other = self.open()
        other.write("out.bin", DATA)
        putting, asking = Asking(other.put_file), Asking(self.download)
        time.sleep(0.5)
        self.stored.session("session_cancel", task_key=other.key)
        self.assert_fails(putting.answer(), "cancelled")
        self.assert_took(asking.answer())


class Parts(RateCap):
    """The same by multipart, whose parts go side by side: still one transfer."""
    variables = {"TRANSFER_MAX_BYTES_PER_SEC": str(RATE), "POSEMESH_MULTIPART_MIN_BYTES": "100000"}

    def setUp(self):
        super().setUp()
        self.server.answers["begin"] = answer(body={"upload_id": "upload", "part_size": 90000})

    def upload(self, rel_path="out.bin"):
        began = time.monotonic()
        self.session.write(rel_path, DATA)
        self.assert_stored(self.session.put_file(rel_path), "completed")
        parts = sorted(self.server.asked("part"), key=lambda request: request.target)
        self.assertEqual(b"".join(part.body for part in parts), DATA)
        return time.monotonic() - began


if __name__ == "__main__":
    unittest.main()
