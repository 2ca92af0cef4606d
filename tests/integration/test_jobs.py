"""What a job gets, what becomes of its outputs, progress, events, and of its failure."""
import hashlib
import json
import os
import signal
import unittest
import uuid

from harness import NOOP, SCRIPTED, NodeCase
from scripted_content import content


class Jobs(NodeCase):

    def events(self, shown):
        return shown["tasks"][0]["events"]

    def test_a_noop_job_stores_the_six_artifacts_of_the_contract(self):
        domain = str(uuid.uuid4())
        data_id = self.devnet.store(domain, "scan", "ply", b"ply\n")
        shown = self.devnet.run(capability=NOOP, domain=domain, inputs_cids=[data_id])
        self.assert_completed(shown)
        self.assertEqual(sorted(self.devnet.stored(shown)), sorted("jobs/42/" + path for path in (
            "job_manifest.json", "refined/global/refined_manifest.json", "refined/global/RefinedPointCloudReduced.ply",
            "outputs_index.json", "result.json", "scan_data_summary.json")))
        (event,) = self.events(shown)
        self.assertEqual(event, {"event": "materialize_input", "cid": data_id, "dataId": data_id, "dataType": "ply",
                                 "name": "scan", "domainId": domain})
        self.assertEqual(shown["tasks"][0]["progress"], {"stage": "completed"})

    def test_a_job_reads_its_inputs_as_files(self):
        domain = str(uuid.uuid4())
        large = os.urandom(3000000)
        first = self.devnet.store(domain, "scan 2024-01-02_03-04-05 ä", "e57", large)
        second = self.devnet.store(domain, "empty", "txt", b"")
        third = self.devnet.store(domain, "other", "txt", b"--boundary\r\n\r\n--")
        cids = [first, f"/api/v1/domains/{domain}/data/{second}",
                f"{self.devnet.domain_server}/api/v1/domains/{domain}/data?data_type=txt"]
        shown = self.devnet.run(["report_inputs"], domain=domain, inputs_cids=cids)
        self.assert_completed(shown)
        (event,) = self.events(shown)
        one, two, both = event["inputs"]
        self.assertEqual([one["cid"], two["cid"], both["cid"]], cids)
        self.assertEqual((one["data_id"], one["name"], one["data_type"], one["domain_id"]),
                         (first, "scan 2024-01-02_03-04-05 ä", "e57", domain))
        self.assertTrue(one["path"].endswith("datasets/2024-01-02_03-04-05/scan_2024-01-02_03-04-05__.e57"), one)
        self.assertEqual(event["sha256"][one["path"]], hashlib.sha256(large).hexdigest())
        self.assertEqual(event["sha256"][two["path"]], hashlib.sha256(b"").hexdigest())
        self.assertEqual(len(both["related_files"]), 1)
        self.assertIn(third, [both["data_id"], *[entry["data_id"] for entry in event["inputs"]], third])
        self.assertIn(hashlib.sha256(b"--boundary\r\n\r\n--").hexdigest(), event["sha256"].values())

    def test_a_job_sees_its_task_byte_for_byte(self):
        meta = ('{"z":1,"do":[["report_task"]],"big":123456789012345678901234567890,"tiny":1.000000000000000000000001,'
                '"exponent":1E+2,"a":{"z":[],"a":{}},"text":"\\u00e9\\ud83d\\ude00\\/"}')
        domain = str(uuid.uuid4())
        job = self.devnet.post(domain=domain, meta_text=meta)
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        (event,) = self.events(shown)
        self.assertIn('"meta":' + meta, event["task"])
        self.assertNotIn("access_token", event["task"])
        self.assertEqual((event["id"], event["job"], event["domain"], event["capability"]),
                         (shown["tasks"][0]["id"], job, domain, SCRIPTED))
        self.assertEqual(event["names"], [
            "POSEMESH_CAPABILITY", "POSEMESH_DOMAIN_ID", "POSEMESH_INPUTS_FILE", "POSEMESH_JOB_ID",
            "POSEMESH_OUTPUTS_DIR", "POSEMESH_TASK_FILE", "POSEMESH_TASK_ID", "POSEMESH_TASK_KEY"])
        self.assertTrue(event["cwd"].startswith(self.node.work))

    def test_all_events_arrive_once_and_in_order_and_the_last_progress(self):
        shown = self.devnet.run(["events", 300])
        self.assert_completed(shown)
        self.assertEqual(self.events(shown), [{"number": number} for number in range(300)])
        self.assertEqual(shown["tasks"][0]["progress"], {"done": 300})

    def test_events_that_are_no_objects_stay_what_they_are(self):
        values = [None, 5, "text", ["list"], {"z": 1, "a": 2}]
        shown = self.devnet.run(*[["say", {"event": value}] for value in values[1:]], ["say", {"progress": "half"}])
        self.assertEqual(self.events(shown), values[1:])
        self.assertEqual(shown["tasks"][0]["progress"], "half")

    def test_a_jobs_lines_are_logged_with_its_task_and_marked(self):
        job = self.devnet.post(["print", "plain line"], ["print_error", "to stderr"],
                               ["say", {"level": "warn", "message": "careful"}])
        shown = self.devnet.wait_job(job)
        for text, level in (("plain line", "info"), ("careful", "warn"), ("to stderr", "warn")):
            line = self.node.log.wait(text, "runnerd")
            self.assertEqual((line.get("task_id"), line.get("job_id")), (shown["tasks"][0]["id"], job), line)
            self.assertEqual((line["level"], line.get("source")), (level, "job"), line)
        self.assertNotIn("source", self.node.log.wait("the job is done", "runnerd"))

    def test_outputs_are_stored_as_they_are(self):
        sizes = {"small.json": 100, "empty.bin": 0, "deep/er/cloud.ply": 70000, "exact.csv": 98304, "just_below.glb": 65535,
                 "no_extension": 5, "Ünïcode name.txt": 12}
        shown = self.devnet.run(*[["write", path, size] for path, size in sizes.items()])
        self.assert_completed(shown)
        rows = self.devnet.stored(shown)
        self.assertEqual(list(rows), sorted("jobs/42/" + path for path in sizes))
        for path, size in sizes.items():
            row = rows["jobs/42/" + path]
            self.assertEqual((row["size"], row["sha256"]), (size, hashlib.sha256(content(path, size)).hexdigest()), path)
            self.assertEqual(row["stored_by"], "multipart" if size >= 65536 else "small", path)
        self.assertEqual([rows["jobs/42/" + path]["parts"] for path in ("deep/er/cloud.ply", "exact.csv")], [3, 3])
        self.assertEqual(rows["jobs/42/deep/er/cloud.ply"]["data_type"], "ply")

    def test_without_a_prefix_and_without_outputs(self):
        shown = self.devnet.run(["write", "a.json", 3], outputs_prefix="")
        self.assertEqual(list(self.devnet.stored(shown)), ["a.json"])
        shown = self.devnet.run()
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["output_cids"], [])

    def test_a_job_may_name_its_outputs(self):
        self.devnet.settings(free_artifact_names=True)
        domain = str(uuid.uuid4())
        existing = self.devnet.store(domain, "kept", "json", b"old")
        table = {"a.json": {"name": "my name", "data_type": "my_type"}, "b.json": {"id": existing, "name": "kept", "data_type": "json"}}
        shown = self.devnet.run(["write", "a.json", 5], ["write", "b.json", 6],
                                ["file", "outputs.json", json.dumps(table)], domain=domain)
        self.assert_completed(shown)
        rows = self.devnet.stored(shown)
        self.assertEqual((rows["jobs/42/a.json"]["name"], rows["jobs/42/a.json"]["data_type"]), ("my name", "my_type"))
        self.assertEqual((rows["jobs/42/b.json"]["id"], rows["jobs/42/b.json"]["size"]), (existing, 6))

    def test_a_repeated_attempt_updates_what_the_first_has_stored(self):
        gate = self.node.gate()
        job = self.devnet.post(["write", "a.json", 9], ["gate", gate.name], max_attempts=2)
        self.devnet.fault(kind="status", method="POST", path="/dms/v1/tasks/*/complete", status=409, count=1)
        gate.open()
        self.node.log.wait("DMS finally refused complete")
        self.devnet.admin("POST", "/leases/expire")
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["attempts"], 2)
        rows = [row for row in self.devnet.admin("GET", "/data")["data"] if row["domain_id"] == shown["domain_id"]]
        self.assertEqual(len(rows), 1)

    def test_links_out_of_the_outputs_are_not_followed(self):
        shown = self.devnet.run(["link", "passwd.txt", "/etc/passwd"], ["write", "a.json", 1])
        self.assert_completed(shown)
        self.assertEqual(list(self.devnet.stored(shown)), ["jobs/42/a.json"])

    def test_a_second_task_reads_what_the_first_has_made(self):
        shown = self.devnet.run(["write", "made.json", 100], ["report_inputs"], tasks=2, edges=[["t0", "t1"]])
        self.assert_completed(shown)
        first, second = shown["tasks"]
        (event,) = second["events"]
        self.assertEqual([entry["data_id"] for entry in event["inputs"]], first["output_cids"])
        self.assertEqual(list(event["sha256"].values()), [hashlib.sha256(content("made.json", 100)).hexdigest()])


class Failures(NodeCase):

    def assert_fails(self, *steps, reason, **fields):
        shown = self.devnet.run(*steps, **fields)
        self.assertEqual(shown["status"], "failed", shown)
        (task,) = shown["tasks"]
        self.assertRegex(task["fail_reason"], reason)
        self.assertEqual(task["fail_details"]["job"]["task_id"], task["id"])
        self.assertEqual([kind for kind, status in self.devnet.reports(task["id"])], ["fail"])
        self.devnet.admin("DELETE", "/faults")
        self.assert_node_works()  # three failures in a row would have the capability rest
        return task

    def test_an_exit_status_is_the_reason(self):
        self.assert_fails(["write", "a.json", 5], ["exit", 3], reason=r"\b3\b")

    def test_a_signal_is_the_reason(self):
        self.assert_fails(["kill", signal.SIGSEGV], reason=r"signal 11|Segmentation")
        self.assert_fails(["kill", signal.SIGTERM], reason=r"signal 15|Terminated")

    def test_a_job_may_say_why(self):
        self.assert_fails(["file", "fail_reason.txt", "no scan\nis big enough\n"], ["exit", 1],
                          reason=r"^no scan is big enough$")

    def test_a_reason_that_is_too_long_is_cut_between_characters(self):
        for shift in ("", "x", "xx"):
            task = self.assert_fails(["file", "fail_reason.txt", shift + "\u4e2d" * 2100], ["exit", 7], reason="^x*\u4e2d+$")
            self.assertEqual(len(task["fail_reason"].encode()), 4096 - (4096 - len(shift)) % 3)

    def test_a_timeout(self):
        gate = self.node.gate()
        self.assert_fails(["gate", gate.name], capability="/test/quick/v1", reason=r"(?i)time")

    def test_an_input_that_is_not_there(self):
        self.assert_fails(inputs_cids=[str(uuid.uuid4())], reason=r"(?i)not found|404")

    def test_an_input_that_would_read_a_whole_domain(self):
        domain = str(uuid.uuid4())
        self.assert_fails(domain=domain, inputs_cids=[f"/api/v1/domains/{domain}/data"], reason=r"\w")

    def test_two_outputs_of_one_name(self):
        self.assert_fails(["write", "a/b.json", 1], ["write", "a_b.json", 2], reason=r"\w")

    def test_an_upload_that_is_refused(self):
        self.devnet.fault(kind="status", method="POST", path="/domain/*/data", status=400, count=-1)
        self.assert_fails(["write", "a.json", 1], reason=r"(?i)bad request|400")

    def test_a_failed_attempt_is_tried_again(self):
        shown = self.devnet.run(["exit", 1], max_attempts=3)
        self.assertEqual((shown["status"], shown["tasks"][0]["attempts"]), ("failed", 3))

    @classmethod
    def tearDownClass(cls):
        case = cls()
        case.assert_node_works()


if __name__ == "__main__":
    unittest.main()
