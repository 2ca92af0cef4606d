"""The lease's life: cancel, loss, expiry, rotation, renaming, and answers that cannot be worked with."""
import datetime
import os
import time
import unittest
import uuid

import programs
from harness import SCRIPTED, NodeCase


class Running(NodeCase):
    """What ends a job that runs, and what does not."""
    begins_first = True

    def start_job(self, *steps, deaf=False, **fields):
        """A job that has told of itself and waits at a gate: (job, task id, the marker of its daemon, gate)."""
        gate, marker = self.node.gate(), "marker-" + uuid.uuid4().hex
        job = self.devnet.post(["write", "a.json", 10], *steps, ["daemon", marker, deaf], ["say", {"event": "ready"}],
                               ["gate", gate.name], **fields)
        task = self.devnet.wait_event(job, "ready")
        self.assertEqual(len(programs.mentioning(marker)), 1)
        self.assertNotEqual(os.listdir(self.node.work), [])
        return job, task["id"], marker, gate

    def assert_stopped(self, task_id, marker):
        """The daemon too is dead, the workspace gone, nothing was reported, and the node goes on."""
        self.node.log.wait("session closed", "stored", task=task_id)
        self.assertEqual(programs.mentioning(marker), [])
        self.node.wait_for_no_workspace()
        self.assertEqual(self.devnet.reports(task_id), [])
        self.assert_node_works()

    def test_a_cancel_ends_all_of_the_job(self):
        job, task_id, marker, _ = self.start_job()
        self.devnet.cancel(job)
        self.node.log.wait("DMS cancelled the task")
        self.assert_stopped(task_id, marker)
        self.assertEqual(self.devnet.job(job)["status"], "cancelled")

    def test_a_cancel_ends_a_job_that_ignores_sigterm(self):
        job, task_id, marker, _ = self.start_job(["deaf"], deaf=True)
        self.devnet.cancel(job)
        self.assert_stopped(task_id, marker)

    def test_a_cancel_aborts_an_upload(self):
        self.devnet.fault(kind="latency", method="PUT", path="*partNumber=2*", latency_ms=3000)
        domain = str(uuid.uuid4())
        job = self.devnet.post(["write", "large.bin", 200000], domain=domain)
        self.devnet.wait_request(f"*{domain}/*partNumber=1")
        self.devnet.cancel(job)
        self.node.log.wait("session closed", "stored", task=self.devnet.task(job)["id"])
        self.assertTrue(self.devnet.requests(f"*{domain}/*uploadId=*", method="DELETE", wait_ms=10000))
        uploads = self.devnet.admin("GET", "/uploads")["uploads"]
        self.assertEqual([row["state"] for row in uploads if row["domain_id"] == domain], ["aborted"])
        self.assertEqual(self.devnet.reports(self.devnet.task(job)["id"]), [])
        self.assert_node_works()

    def test_a_lease_that_is_taken_back_ends_the_job(self):
        job, task_id, marker, _ = self.start_job()
        self.devnet.admin("POST", "/leases/expire")
        self.assert_stopped(task_id, marker)
        self.assertEqual(self.devnet.job(job)["status"], "failed")

    def test_a_404_on_a_heartbeat_ends_the_job(self):
        _, task_id, marker, _ = self.start_job()
        self.devnet.fault(kind="status", path=f"/dms/v1/tasks/{task_id}/heartbeat", status=404, count=-1)
        self.assert_stopped(task_id, marker)

    def test_a_lease_that_runs_out_while_dms_is_away_ends_the_job(self):
        _, task_id, marker, _ = self.start_job()
        self.devnet.fault(kind="cut", path=f"/dms/v1/tasks/{task_id}/heartbeat", count=-1)
        self.node.log.wait("the lease has run out")
        self.assert_stopped(task_id, marker)

    def test_a_deaf_job_is_gone_before_its_lease_ends(self):
        """DMS may give the task to another node then, whether it can be reached or not."""
        job, task_id, marker, _ = self.start_job(["deaf"], deaf=True)
        self.devnet.fault(kind="cut", path=f"/dms/v1/tasks/{task_id}/heartbeat", count=-1)
        self.node.log.wait("the lease has run out")
        programs.wait_until(lambda: not programs.mentioning(marker) and not programs.mentioning(task_id), "the job is gone")
        gone = time.time()
        ends = datetime.datetime.fromisoformat(self.devnet.task(job)["lease"]["expires_at"].replace("Z", "+00:00"))
        self.assertLess(gone, ends.timestamp())
        self.assert_stopped(task_id, marker)

    def test_heartbeats_that_fail_for_a_while_lose_nothing(self):
        job, task_id, _, gate = self.start_job()
        path = f"/dms/v1/tasks/{task_id}/heartbeat"
        self.devnet.fault(kind="status", path=path, status=500, count=2)
        self.devnet.fault(kind="status", path=path, status=422, count=1)
        self.devnet.fault(kind="malformed", path=path, count=1, when="after")
        seen = 0
        while self.devnet.admin("GET", "/faults")["faults"] and any(
                fault["count"] for fault in self.devnet.admin("GET", "/faults")["faults"]):
            seen = self.devnet.requests(f"*{path}", since=seen, wait_ms=10000)[-1]["seq"]
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["attempts"], 1)

    def test_events_are_kept_while_heartbeats_fail(self):
        self.devnet.fault(kind="cut", path="/dms/v1/tasks/*/heartbeat", skip=1, count=3)
        shown = self.devnet.run(["events", 20])
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["events"], [{"number": number} for number in range(20)])

    def test_a_rotated_domain_token_is_used_at_once(self):
        self.devnet.settings(rotate_domain_token=True)
        self.devnet.fault(kind="latency", method="PUT", path="*partNumber=*", latency_ms=900, count=4)
        shown = self.devnet.run(["events", 5], ["write", "large.bin", 300000], ["write", "small.json", 5])
        self.assert_completed(shown)
        self.assertGreater(shown["tasks"][0]["heartbeats"], 2)

    def test_a_token_revoked_in_the_middle_of_an_upload_is_replaced(self):
        self.devnet.fault(kind="latency", method="PUT", path="*partNumber=*", latency_ms=200, count=-1)
        domain = str(uuid.uuid4())
        job = self.devnet.post(["write", "large.bin", 400000], domain=domain)
        self.devnet.wait_request(f"*{domain}/*partNumber=1")
        self.devnet.admin("POST", "/tokens/domain/revoke")
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertIn(401, {row["status"] for row in self.devnet.requests(f"*{domain}/*partNumber=*")})

    def test_a_renamed_task_is_called_by_its_new_name(self):
        name = str(uuid.uuid4())
        job, task_id, _, gate = self.start_job()
        self.devnet.admin("POST", "/overrides/heartbeat", {"patch": {"task_id": name}})
        self.node.log.wait("DMS renamed the task to " + name)
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        self.assertEqual(self.devnet.reports(name), [("complete", 200)])
        self.assertIn(task_id, list(self.devnet.stored(shown).values())[0]["name"])


class Envelopes(NodeCase):
    """The next lease is bent on the way."""

    def lease_with(self, *steps, patch=None, raw=None, **fields):
        self.devnet.admin("POST", "/overrides/lease", {"patch": patch} if raw is None else {"raw": raw})
        return self.devnet.run(*(steps or [["write", "a.json", 5]]), **fields)

    def assert_setup_fails(self, stage, patch, reports=1):
        shown = self.lease_with(patch=patch)
        (task,) = shown["tasks"]
        self.assertEqual((shown["status"], task["fail_reason"]), ("failed", "node_setup_failed"), shown)
        self.assertEqual(task["fail_details"]["stage"], stage)
        self.assertTrue(task["fail_details"]["error"])
        self.assertEqual([kind for kind, _ in self.devnet.reports(task["id"])], ["fail"] * reports)
        self.assert_node_works()

    def test_one_that_cannot_be_decoded_is_failed_by_its_id(self):
        self.assert_setup_fails("decode_lease", {"task": {"capability": 5}})

    def test_one_with_an_expiry_that_is_no_time(self):
        self.assert_setup_fails("decode_lease", {"lease_expires_at": "tomorrow"})

    def test_one_with_a_capability_that_is_not_here(self):
        self.assert_setup_fails("start_session", {"task": {"capability": "/test/unknown/v1"}})

    def test_one_without_a_domain(self):
        self.assert_setup_fails("build_ports", {"domain_id": None})

    def test_one_without_a_server(self):
        self.assert_setup_fails("build_ports", {"domain_server_url": None})

    def test_the_server_may_stand_in_the_meta(self):
        url = self.devnet.domain_server
        for meta in ({"domain_server_url": url}, {"legacy": {"domain_server_url": url}}):
            self.assert_completed(self.lease_with(patch={"domain_server_url": None, "task": {"meta": meta}}))

    def test_one_that_is_cancelled_already_is_left_alone(self):
        self.devnet.admin("POST", "/overrides/lease", {"patch": {"cancel": True}})
        job = self.devnet.post(["write", "a.json", 5])
        self.node.log.wait("already cancelled")
        self.assert_node_works()
        self.assertEqual(self.devnet.requests(f"*/tasks/{self.devnet.task(job)['id']}/*"), [])

    def test_one_that_is_no_json_is_left_alone(self):
        self.devnet.admin("POST", "/overrides/lease", {"raw": "this is not JSON"})
        job = self.devnet.post(["write", "a.json", 5], max_attempts=2)
        self.node.log.wait("a lease cannot be decoded")
        self.devnet.admin("POST", "/leases/expire")
        self.assert_completed(self.devnet.wait_job(job))

    def test_an_expiry_in_the_past_is_answered_by_a_heartbeat(self):
        past = {"lease_expires_at": "2020-01-01T00:00:00Z", "task": {"lease_expires_at": "2020-01-01T00:00:00Z"}}
        self.assert_completed(self.lease_with(patch=past))

    def test_without_an_expiry_only_progress_makes_heartbeats(self):
        none = {"lease_expires_at": None, "task": {"lease_expires_at": None}}
        shown = self.lease_with(["say", {"progress": 1}], ["write", "a.json", 5], patch=none)
        self.assert_completed(shown)

    def test_without_a_token_one_is_asked_for(self):
        self.devnet.settings(rotate_domain_token=True)
        shown = self.lease_with(patch={"access_token": None})
        self.assert_completed(shown)

    def test_a_sparse_envelope_is_enough(self):
        nothing = {name: None for name in ("status", "access_token_expires_at", "cancel")}
        sparse = {name: None for name in ("capability_filters", "label", "stage", "priority", "attempts", "max_attempts",
                                          "deps_remaining", "status", "mode", "lease_expires_at", "inputs_cids")}
        self.assert_completed(self.lease_with(patch={**nothing, "more": {"a": [1]}, "task": {**sparse, "odd": True}}))

    def test_a_first_heartbeat_that_is_refused(self):
        self.devnet.fault(kind="status", path="/dms/v1/tasks/*/heartbeat", status=422, count=1)
        self.assert_setup_fails("initial_heartbeat", {})

    def test_a_first_heartbeat_that_finds_the_lease_gone(self):
        self.devnet.fault(kind="status", path="/dms/v1/tasks/*/heartbeat", status=409, count=1)
        job = self.devnet.post(["write", "a.json", 5])
        self.devnet.wait_request(f"*/tasks/{self.devnet.task(job)['id']}/heartbeat")
        self.devnet.admin("POST", "/leases/expire")
        shown = self.devnet.wait_job(job)
        self.assertEqual(self.devnet.reports(shown["tasks"][0]["id"]), [])
        self.assert_node_works()


if __name__ == "__main__":
    unittest.main()
