"""What a job can ask of stored about its files: its own workspace and nothing else, in pieces of bounded size."""
import hashlib
import os
import shutil
import unittest
import uuid

from harness import HERE, NodeCase
from scripted_content import content

CALLS = "/test/calls/v1"
INLINE_BYTES = 65536

# One of each kind, in a folder that is not uploaded.
ALL_KINDS = [["write", "mine/file", "content"], ["write", "mine/folder/inner", "x"], ["link", "mine/link", "file"],
             ["link", "mine/link-out", "/etc/passwd"], ["link", "mine/folder-link", "folder"], ["pipe", "mine/pipe"],
             ["socket", "mine/socket"]]


def listing(path=None, after=None):
    return ["call", "workspace_list", {"path": path, "after": after}]


def reading(path, offset_bytes=0, limit_bytes=100):
    return ["call", "file_read", {"path": path, "offset_bytes": offset_bytes, "limit_bytes": limit_bytes}]


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

    # --- workspace_list ---

    def test_a_job_lists_its_inputs_and_its_own_files(self):
        domain = str(uuid.uuid4())
        data_id = self.devnet.store(domain, "scan", "ply", b"ply\n")
        root, mine, after = self.answers(*ALL_KINDS, ["write", "mine/ü", "x"], listing(), listing("mine"), listing("mine", "file"),
                                         domain=domain, inputs_cids=[data_id])
        self.assertEqual({entry["name"]: entry["kind"] for entry in root["entries"]},
                         {".posemesh": "folder", "datasets": "folder", "mine": "folder", "outputs": "folder"})
        wanted = [{"name": "file", "kind": "file", "size_bytes": 7}, {"name": "folder", "kind": "folder", "size_bytes": 0},
                  {"name": "ü", "kind": "file", "size_bytes": 1}]
        self.assertEqual(mine, {"entries": wanted, "more": False})
        self.assertEqual(after, {"entries": wanted[1:], "more": False})

    def test_a_job_lists_nothing_outside_its_workspace(self):
        paths = ["..", "../", "/", "/etc", "mine/..", "mine/../..", "mine/folder-link", "mine/folder-link/", "mine/link-out"]
        for path, answer in zip(paths, self.answers(*ALL_KINDS, *[listing(path) for path in paths]), strict=True):
            with self.subTest(path):
                self.assert_refused(answer, "invalid")
        no_folders = ["mine/file", "mine/pipe", "mine/socket", "nowhere"]
        for path, answer in zip(no_folders, self.answers(*ALL_KINDS, *[listing(path) for path in no_folders]), strict=True):
            with self.subTest(path):
                self.assert_refused(answer, "not_found")

    def test_a_folder_of_a_hundred_thousand_files_comes_in_pages_and_keeps_nobody_waiting(self):
        count = 100000
        pages, last, end = self.answers(["fill", "huge", count], ["list_pages", "huge", 3], listing("huge", f"{count - 3:07}"),
                                        listing("huge", f"{count - 1:07}"))
        self.assertIn(True, pages.pop("served"))
        self.assertEqual(pages, {"sizes": [1000] * 3, "more": True, "right": True})
        self.assertEqual(([entry["name"] for entry in last["entries"]], last["more"]), (["0099998", "0099999"], False))
        self.assertEqual(end, {"entries": [], "more": False})

    def test_a_job_that_lists_without_end_is_refused_some(self):
        lists, again = self.answers(["fill", "large", 5000], ["list_at_once", "large", 40], listing("outputs"))
        self.assertGreaterEqual(lists["answered"], 16)
        self.assertEqual(lists["answered"] + len(lists["refused"]), 40)
        self.assertTrue(lists["refused"])
        for answer in lists["refused"]:
            self.assert_refused(answer, "unavailable", "the limit")
        self.assertEqual(again, {"entries": [], "more": False})

    # --- file_read ---

    def test_a_job_reads_a_file_in_pieces(self):
        size = 3 * INLINE_BYTES + 1
        pieces, whole, *some = self.answers(["write_random", "mine.bin", size], ["write", "digits", "0123456789"],
                                            ["read_whole", "mine.bin", INLINE_BYTES], ["read_whole", "digits", 3],
                                            reading("digits", 2, 3), reading("digits", 10), reading("digits", 2 ** 63 - 1),
                                            reading("digits", 0, 0))
        self.assertEqual(pieces, {"pieces": 4, "same": True, "size_bytes": size})
        self.assertEqual(whole, {"pieces": 4, "same": True, "size_bytes": 10})
        self.assertEqual(some, [{"bytes": text.encode().hex(), "size_bytes": 10} for text in ("234", "", "", "")])

    def test_a_job_reads_its_inputs(self):
        domain = str(uuid.uuid4())
        data_id = self.devnet.store(domain, "scan", "ply", b"ply\n")
        (answer,) = self.answers(reading("datasets/scan/scan.ply"), domain=domain, inputs_cids=[data_id])
        self.assertEqual(answer, {"bytes": b"ply\n".hex(), "size_bytes": 4})

    def test_what_is_no_piece_is_refused(self):
        answers = self.answers(["write", "file", "x"], reading("file", -1), reading("file", -2 ** 63), reading("file", 0, -1),
                               reading("file", 0, INLINE_BYTES + 1), reading("x" * 2049))
        for answer, code in zip(answers, ("invalid", "invalid", "invalid", "too_large", "too_large"), strict=True):
            self.assert_refused(answer, code)

    def test_a_job_reads_nothing_but_regular_files_of_its_workspace(self):
        paths = ["mine/link", "mine/link-out", "mine/folder-link/inner", "../", "mine/../mine/file", "/etc/passwd", "mine/folder",
                 "mine/pipe", "mine/socket", f"../../{os.path.basename(self.node.work)}"]
        for path, answer in zip(paths, self.answers(*ALL_KINDS, *[reading(path) for path in paths]), strict=True):
            with self.subTest(path):
                self.assert_refused(answer, "invalid")

    def test_another_key_is_no_session(self):
        steps = [["call", name, {"task_key_hex": key.hex(), **fields}] for key in (b"", b"0" * 32) for name, fields in (
            ("workspace_list", {}), ("file_read", {"path": "file", "offset_bytes": 0, "limit_bytes": 1}),
            ("artifact_put_bytes", putting("a.json", "{}")))]
        for answer in self.answers(*steps):
            self.assert_refused(answer, "not_found", "no session has this task key")

    # --- artifact_put_bytes ---

    def test_a_job_stores_bytes_that_are_in_no_file(self):
        sizes = {"deep/er/table.csv": 1000, "empty.bin": 0, "large.ply": INLINE_BYTES, "below.glb": INLINE_BYTES - 1}
        answers, shown = self.job(*[["put_bytes", path, size] for path, size in sizes.items()], listing("outputs"))
        self.assertEqual(answers.pop(), {"entries": [], "more": False})
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
        self.answers(["call", "artifact_put_bytes", putting("a.txt", "do-not-log-me")], ["write", "mine", "do-not-show-me"], reading("mine"))
        self.node.log.wait("bytes=(13 bytes)", "stored", since=mark)
        self.node.log.wait("file_bytes{bytes=(14 bytes)", "stored", since=mark)
        for line in self.node.log.lines[mark:]:
            if line.get("service") == "stored":
                self.assertNotIn("do-not-log-me", str(line))
                self.assertNotIn("do-not-show-me", str(line))


if __name__ == "__main__":
    unittest.main()
