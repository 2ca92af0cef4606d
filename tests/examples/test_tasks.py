import hashlib
import json
import os
import tempfile
import unittest
from pathlib import Path

from workspace import SCAN, Workspace

import make_room

MULTIPART_MIN_BYTES = 8388608


def lines_of(process):
    return [json.loads(line) for line in process.stdout.splitlines()]


def stages(process):
    return [line["progress"]["stage"] for line in lines_of(process) if "progress" in line]


def events(process):
    return [line["event"]["event"] for line in lines_of(process) if "event" in line]


def room(points=8000, seed=7):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "room.ply"
        make_room.write_room(path, points, seed)
        return path.read_bytes()


class Tasks(unittest.TestCase):
    def assert_fails(self, work, script, words):
        process = work.run(script)
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn(words, work.fail_reason())
        self.assertEqual(process.stderr, "", "a foreseen failure needs no traceback")
        self.assertEqual([line["level"] for line in lines_of(process) if "level" in line][-1], "error")

    def reduce(self, content, data_type="ply", meta=None):
        """Returns (process, reduced cloud, manifest's bytes)."""
        with Workspace(meta) as work:
            work.add_input("scan", data_type, content)
            process = work.run("reduce.py")
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertIsNone(work.fail_reason())
            self.assertEqual(work.output_names(), ["manifest.json", "refined/reduced.ply"])
            return process, work.output("refined/reduced.ply"), work.output("manifest.json")

    def check_chain(self, content, data_type):
        """Both tasks one after the other. Returns both manifests."""
        _, reduced, manifest = self.reduce(content, data_type)
        with Workspace() as work:
            work.add_input("refined_manifest", "json", b'{"someone": "else"}')
            work.add_input("manifest_json", "json", manifest)
            work.add_input("reduced_ply", "ply", reduced)
            process = work.run("densify.py")
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(work.output_names(), ["dense/dense.ply", "dense_manifest.json"])
            dense = work.output("dense/dense.ply")
            dense_manifest = json.loads(work.output("dense_manifest.json"))
        self.assertGreater(len(dense), MULTIPART_MIN_BYTES)
        self.assertEqual(dense_manifest["output"]["sha256"], hashlib.sha256(dense).hexdigest())
        self.assertEqual(dense_manifest["output"]["bytes"], len(dense))
        self.assertEqual(dense_manifest["source"]["sha256"], hashlib.sha256(reduced).hexdigest())
        self.assertEqual(stages(process)[-1], "completed")
        self.assertEqual(events(process), ["cloud_read", "cloud_densified"])
        return json.loads(manifest), dense_manifest


class Reduce(Tasks):
    def test_cleans_and_reduces_the_room_and_says_what_it_did(self):
        content = room()
        process, reduced, text = self.reduce(content)
        manifest = json.loads(text)
        points = manifest["points"]
        self.assertEqual(points["read"], 8000)
        self.assertEqual(points["dropped"]["unusable"], 8)
        self.assertEqual(points["dropped"]["duplicates"], 80)
        self.assertGreater(points["dropped"]["outliers"], 5)
        self.assertLess(points["reduced"], points["cleaned"])
        self.assertEqual(manifest["output"]["sha256"], hashlib.sha256(reduced).hexdigest())
        self.assertEqual(manifest["source"]["sha256"], hashlib.sha256(content).hexdigest())
        self.assertEqual(events(process), ["scan_read", "scan_reduced"])
        percents = [line["progress"]["percent"] for line in lines_of(process) if "progress" in line]
        self.assertEqual(percents, sorted(percents))
        self.assertEqual(percents[-1], 100)

    def test_gives_the_same_bytes_for_the_same_scan(self):
        self.assertEqual(self.reduce(room(2000))[1], self.reduce(room(2000))[1])

    def test_takes_the_voxel_size_from_the_task(self):
        coarse = json.loads(self.reduce(room(2000), meta={"voxel_size": 1})[2])
        self.assertEqual(coarse["voxel_size"], 1)
        self.assertLess(coarse["points"]["reduced"], 400)

    def test_goes_by_the_content_when_the_type_is_wrong(self):
        self.assertEqual(json.loads(self.reduce(b"v 1 2 3\nv 4 5 6\n", "ply")[2])["points"]["read"], 2)
        self.assertEqual(json.loads(self.reduce(room(500), "obj")[2])["points"]["read"], 500)

    def test_fails_with_a_sentence(self):
        empty = b"ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\n"
        cases = [
            ("ply", b"\x00\xff junk", "not a scan"),
            ("obj", b"", "not a scan"),
            ("ply", room(500)[:-1], "cut short"),
            ("ply", empty + b"end_header\n", "scan is empty"),
            ("obj", b"v nan nan nan\nv inf 0 0\n", "no usable point"),
        ]
        for data_type, content, words in cases:
            with self.subTest(words), Workspace() as work:
                work.add_input("scan", data_type, content)
                self.assert_fails(work, "reduce.py", words)
                self.assertEqual(work.output_names(), [])

    def test_fails_without_a_scan_and_with_a_wrong_option(self):
        with Workspace() as work:
            work.add_input("notes", "json", b"{}")
            self.assert_fails(work, "reduce.py", "no scan among its inputs")
        for value in (0, -1, "big", True, [1]):
            with self.subTest(value), Workspace({"voxel_size": value}) as work:
                work.add_input("scan", "ply", room(500))
                self.assert_fails(work, "reduce.py", "meta.voxel_size must be a number")

    def test_an_unforeseen_failure_has_a_reason_too(self):
        with Workspace() as work:
            work.add_input("scan", "ply", room(500))
            (work.root / "datasets/scan/scan.ply").unlink()
            process = work.run("reduce.py")
            self.assertEqual(process.returncode, 1)
            self.assertIn("FileNotFoundError", work.fail_reason())


class Densify(Tasks):
    def test_the_dense_cloud_is_stored_in_parts_and_matches_its_manifest(self):
        manifest, dense = self.check_chain(room(), "ply")
        self.assertEqual(dense["points"], 600000)
        self.assertEqual(dense["source"]["points"], manifest["points"]["reduced"])

    def test_is_the_same_each_time(self):
        _, reduced, manifest = self.reduce(room(1000))
        digests = set()
        for _ in range(2):
            with Workspace({"points": 3000}) as work:
                work.add_input("manifest", "json", manifest)
                work.add_input("reduced", "ply", reduced)
                self.assertEqual(work.run("densify.py").returncode, 0)
                digests.add(hashlib.sha256(work.output("dense/dense.ply")).hexdigest())
        self.assertEqual(len(digests), 1)

    def test_refuses_a_cloud_other_than_its_manifest_describes(self):
        _, reduced, manifest = self.reduce(room(1000))
        with Workspace() as work:
            work.add_input("manifest", "json", manifest)
            work.add_input("reduced", "ply", reduced[:-8] + bytes(8))
            self.assert_fails(work, "densify.py", "manifest of scan-reduce describes")

    def test_works_without_a_manifest_but_says_so(self):
        with Workspace({"points": 1000}) as work:
            work.add_input("reduced", "ply", self.reduce(room(1000))[1])
            process = work.run("densify.py")
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertIn("warn", [line.get("level") for line in lines_of(process)])

    def test_fails_with_a_sentence(self):
        with Workspace() as work:
            self.assert_fails(work, "densify.py", "no reduced cloud among its inputs")
        with Workspace({"points": 0}) as work:
            work.add_input("reduced", "ply", room(500))
            self.assert_fails(work, "densify.py", "meta.points must be a number")

    @unittest.skipUnless(os.environ.get("POSEMESH_TEST_SCANS"), "POSEMESH_TEST_SCANS names no folder of scans")
    def test_both_tasks_take_real_scans(self):
        scans = [p for p in Path(os.environ["POSEMESH_TEST_SCANS"]).iterdir() if p.suffix in (".ply", ".obj")]
        self.assertTrue(scans)
        for path in scans:
            with self.subTest(path.name):
                manifest, _ = self.check_chain(path.read_bytes(), path.suffix[1:])
                self.assertGreater(manifest["points"]["reduced"], 1000)


class RunnerFiles(unittest.TestCase):
    def test_name_commands_that_exist(self):
        files = sorted((SCAN.parent / "runners.d").glob("*.json"))
        runners = [json.loads(path.read_text()) for path in files]
        self.assertEqual([r["capability"] for r in runners], ["/examples/scan-densify/v1", "/examples/scan-reduce/v1"])
        for path, runner in zip(files, runners):
            self.assertEqual(runner["command"][0], "python3")
            self.assertTrue((path.parent / runner["command"][1]).is_file())


if __name__ == "__main__":
    unittest.main()
