"""Whoever listens to stored's events, or asks for its status, sees how far transfers are."""
import json
import os
import unittest
import uuid

import sockets
from harness import NodeCase

FILE_BYTES = 90000
RATE = 30000


class TransferProgress(NodeCase):
    def setUp(self):
        super().setUp()
        self.events = sockets.Subscriber(os.path.join(self.node.runtime, "stored", "events", "sock"))
        self.addCleanup(self.events.close)

    def reports(self, **fields):
        """All reports of the next such transfer, in order."""
        found = [self.events.next("transfer_progress", **fields)]
        while not found[-1]["ended"]:
            found.append(self.events.next("transfer_progress", task_id=found[0]["task_id"], name=found[0]["name"]))
        return found

    def start_download(self, **fault):
        domain = str(uuid.uuid4())
        data = self.devnet.store(domain, "scan", "bin", os.urandom(FILE_BYTES))
        for one in fault.get("faults", []):
            self.devnet.fault(method="GET", path=f"/domain/api/v1/domains/{domain}/data*", count=1, **one)
        return data, self.devnet.post(["report_inputs"], domain=domain, inputs_cids=[data])

    def test_a_download_is_told_of_while_it_runs(self):
        data, job = self.start_download(faults=[{"kind": "slow", "bytes_per_second": RATE}])
        reports = self.reports(direction="in")
        self.assertEqual({report["name"] for report in reports}, {data})
        self.assertEqual({report["task_id"] for report in reports}, {self.devnet.task(job)["id"]})
        moved = [report["moved_bytes"] for report in reports]
        self.assertGreaterEqual(len(moved), 3, moved)
        self.assertEqual(moved, sorted(moved))
        self.assertEqual((moved[-1], reports[-1]["total_bytes"]), (FILE_BYTES, FILE_BYTES))
        for report in reports[:-1]:
            self.assertGreater(report["bytes_per_second"], 0, report)
        self.assert_completed(self.devnet.wait_job(job))

    def test_a_repeated_download_begins_anew(self):
        _, job = self.start_download(faults=[{"kind": "cut", "bytes": FILE_BYTES // 2},
                                             {"kind": "slow", "bytes_per_second": RATE, "skip": 1}])
        reports = self.reports(direction="in")
        self.assertEqual(reports[-1]["moved_bytes"], FILE_BYTES, reports)
        self.assertTrue(all(report["moved_bytes"] <= FILE_BYTES for report in reports), reports)
        self.assert_completed(self.devnet.wait_job(job))

    def test_the_status_lists_transfers(self):
        _, job = self.start_download(faults=[{"kind": "slow", "bytes_per_second": RATE}])
        self.events.next("transfer_progress", direction="in")
        _, text = self.node.health("stored")
        self.assertRegex(text, r"1 session open, 1 transfer at \d+\.\d MiB/s")
        answer = sockets.ask(os.path.join(self.node.runtime, "stored", "status", "sock"), {"message": "status_get"})
        details = json.loads(answer["details"])
        self.assertEqual((details["sessions"], details["transfer_count"]), (1, 1), details)
        self.assertEqual(details["transfers"][0]["total_bytes"], FILE_BYTES, details)
        self.assert_completed(self.devnet.wait_job(job))
        self.node.wait_for_no_workspace()
        self.assertIn("stored: ready: 0 sessions open;", self.node.health("stored")[1])

    def check_upload(self, size):
        self.assert_completed(self.devnet.run(["write", "out.bin", size]))
        last = self.events.next("transfer_progress", direction="out", ended=True)
        self.assertEqual((last["name"], last["moved_bytes"], last["total_bytes"]), ("jobs/42/out.bin", size, size))

    def test_a_small_upload_is_told_of_at_its_end(self):
        self.check_upload(1000)
        self.check_upload(0)

    def test_parts_that_are_sent_twice_count_once(self):
        self.devnet.fault(kind="status", method="PUT", path="*partNumber=2*", status=503, count=2)
        self.devnet.fault(kind="cut", method="PUT", path="*partNumber=3*", count=1, request_bytes=1000)
        self.check_upload(200000)

    def test_a_server_without_multipart_gets_the_file_once(self):
        self.devnet.settings(multipart=False)
        self.check_upload(200000)


if __name__ == "__main__":
    unittest.main()
