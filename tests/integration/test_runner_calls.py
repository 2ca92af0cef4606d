"""What a job can have stored: bytes of a bounded size, and files of its own workspace alone."""
import hashlib
import os
import shutil
import unittest

from harness import HERE, NodeCase
from scripted_content import content

CALLS = "/test/calls/v1"
INLINE_BYTES = 65536

# One of each kind, in a folder that is not uploaded.
ALL_KINDS = [["write", "mine/file", "content"], ["write", "mine/folder/inner", "x"], ["link", "mine/link", "file"],
             ["link", "mine/link-out", "/etc/passwd"], ["link", "mine/folder-link", "folder"], ["pipe", "mine/pipe"],
             ["socket", "mine/socket"]]


def putting(rel_path, text, **fields):
    return {"rel_path": rel_path, "bytes_hex": text.encode().hex(), **fields}


class RunnerCalls(NodeCase):
    variables = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node = cls.make_node()
        cls.addClassCleanup(cls.node.check_end)
        for name in ("runner_calls_job.py", "runner_client.py"):
            shutil.copy(os.path.join(HERE, name), cls.node.runners)
        cls.node.install_runner("calls", CALLS, ["/usr/bin/python3", "-B", "./runner_calls_job.py"],
                                env={"TEST_STORED_SOCKET": os.path.join(cls.node.runtime, "stored/runner/sock")})
        cls.node.start()

    def setUp(self):
        super().setUp()
        self.nodes.append(self.node)
        self.node.log.begin_test()

    def job(self, *steps, **fields):
        """The answers that a job got which does these steps, and what DMS shows of it."""
        shown = self.devnet.run(*steps, capability=CALLS, **fields)
        self.assert_completed(shown)
        return shown["tasks"][0]["events"], shown

    def answers(self, *steps, **fields):
        return self.job(*steps, **fields)[0]

    def assert_refused(self, answer, code, text=""):
        self.assertEqual(answer.get("failure"), code, answer)
        self.assertIn(text, answer["text"])

    # --- artifact_put ---

    def test_a_job_stores_nothing_but_regular_files_of_its_workspace(self):
        paths = ["mine/link", "mine/link-out", "mine/folder-link/inner", "../", "mine/../mine/file", "/etc/passwd", "mine/folder",
                 "mine/pipe", "mine/socket", f"../../{os.path.basename(self.node.work)}"]
        puts = [["call", "artifact_put", {"path": path, "rel_path": f"{number}.bin"}] for number, path in enumerate(paths)]
        answers, shown = self.job(*ALL_KINDS, *puts)
        for path, answer in zip(paths, answers, strict=True):
            with self.subTest(path):
                self.assert_refused(answer, "invalid")
        self.assertEqual(self.devnet.stored(shown), {})

    def test_another_key_is_no_session(self):
        steps = [["call", name, {"task_key_hex": key.hex(), **fields}] for key in (b"", b"0" * 32) for name, fields in (
            ("artifact_put", {"path": "file", "rel_path": "a.json"}), ("artifact_put_bytes", putting("a.json", "{}")))]
        for answer in self.answers(*steps):
            self.assert_refused(answer, "not_found", "no session has this task key")

    # --- artifact_put_bytes ---

    def test_a_job_stores_bytes_that_are_in_no_file(self):
        sizes = {"deep/er/table.csv": 1000, "empty.bin": 0, "large.ply": INLINE_BYTES, "below.glb": INLINE_BYTES - 1}
        answers, shown = self.job(*[["put_bytes", path, size] for path, size in sizes.items()], ["names", "outputs"])
        self.assertEqual(answers.pop(), [])
        rows = self.devnet.stored(shown)
        self.assertEqual(sorted(rows), sorted("jobs/42/" + path for path in sizes))
        for (path, size), answer in zip(sizes.items(), answers, strict=True):
            row = rows["jobs/42/" + path]
            self.assertEqual((answer["logical_path"], answer["id"], answer["name"], answer["data_type"]),
                             ("jobs/42/" + path, row["id"], row["name"], row["data_type"]))
            self.assertEqual((row["size"], row["sha256"]), (size, hashlib.sha256(content(path, size)).hexdigest()), path)
            self.assertEqual(row["stored_by"], "multipart" if size >= INLINE_BYTES else "small", path)

    def test_bytes_put_again_replace_what_was_stored(self):
        (first, second), shown = self.job(["call", "artifact_put_bytes", putting("a.json", "1")],
                                          ["call", "artifact_put_bytes", putting("a.json", "22")])
        self.assertEqual(first, second)
        (row,) = self.devnet.stored(shown).values()
        self.assertEqual((row["size"], row["sha256"]), (2, hashlib.sha256(b"22").hexdigest()))

    def test_bytes_and_a_file_of_one_name_are_one_artifact(self):
        put = {"path": "mine", "rel_path": "a.json"}
        (by_file, by_bytes), shown = self.job(["write", "mine", "by file"], ["call", "artifact_put", put],
                                              ["call", "artifact_put_bytes", putting("a.json", "by bytes")])
        self.assertEqual(by_file, by_bytes)
        self.assertEqual([row["size"] for row in self.devnet.stored(shown).values()], [8])

    def test_a_repeated_put_joins_the_first(self):
        self.devnet.fault(kind="latency", method="POST", path="/domain/*/data", latency_ms=1000)
        (answers,), shown = self.job(["calls_at_once", "artifact_put_bytes", [putting("a.json", "{}")] * 20])
        self.assertEqual(len({answer["id"] for answer in answers}), 1, answers)
        (row,) = self.devnet.stored(shown).values()
        uploads = self.devnet.requests(f"/domain/*/domains/{row['domain_id']}/data", method="POST")
        self.assertEqual(len(uploads), 1)

    def test_other_bytes_do_not_get_lost_in_a_put_that_is_under_way(self):
        self.devnet.fault(kind="latency", method="POST", path="/domain/*/data", latency_ms=1000)
        (answers,), shown = self.job(["calls_at_once", "artifact_put_bytes", [putting("a.json", "{}"), putting("a.json", "[]"),
                                                                              putting("a.json", "{} ")]])
        self.assertEqual([answer.get("failure") for answer in answers], [None, "conflict", "conflict"])
        (row,) = self.devnet.stored(shown).values()
        self.assertEqual(row["size"], 2)

    def test_bytes_keep_the_rules_of_artifacts(self):
        self.devnet.settings(free_artifact_names=True)
        named = {"name": "same", "data_type": "json"}
        answers, shown = self.job(
            ["call", "artifact_put_bytes", putting("a.json", "a", **named)], ["call", "artifact_put_bytes", putting("b.json", "b", **named)],
            ["put_bytes", "large.bin", INLINE_BYTES + 1], ["call", "artifact_put_bytes", putting("../up.json", "x")],
            ["call", "artifact_put_bytes", putting("", "x")], ["call", "artifact_put_bytes", {"rel_path": "c.json"}],
            ["call", "artifact_put_bytes", {"rel_path": "c.json", "bytes": "a text"}],
            ["call", "artifact_put_bytes", putting("c.json", "x", id="i" * 1025)])
        self.assertEqual((answers[0]["name"], answers[0]["data_type"]), ("same", "json"))
        self.assert_refused(answers[1], "conflict", "would be one artifact")
        self.assert_refused(answers[2], "too_large", "artifact_put_bytes.bytes has 65537, the limit is 65536")
        for answer in answers[3:7]:
            self.assert_refused(answer, "invalid")
        self.assert_refused(answers[7], "too_large")
        self.assertEqual(len(self.devnet.stored(shown)), 1)

    def test_bytes_are_not_in_the_log(self):
        mark = self.node.log.mark()
        self.answers(["call", "artifact_put_bytes", putting("a.txt", "do-not-log-me")])
        self.node.log.wait("bytes=(13 bytes)", "stored", since=mark)
        for line in self.node.log.lines[mark:]:
            if line.get("service") == "stored":
                self.assertNotIn("do-not-log-me", str(line))


if __name__ == "__main__":
    unittest.main()
