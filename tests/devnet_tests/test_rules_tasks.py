"""Leases, heartbeats and reports: docs/network.md 3, one mutation at a time."""
import threading
import urllib.parse
import uuid

from network import request
from rule_case import RuleCase, breaks


class Tokens(RuleCase):
    @breaks("dms-authorization")
    def test_without_a_token(self):
        return [request("GET", self.devnet.dms + "/tasks"),
                request("GET", self.devnet.dms + "/tasks", headers={"Authorization": "Basic eDp5"})]

    @breaks("access-token-unknown")
    def test_unknown(self):
        self.node.join()
        return self.node.dms("GET", "/tasks", token="invented")

    @breaks("access-token-reused")
    def test_used_again_after_401(self):
        self.node.join()
        self.devnet.admin("POST", "/tokens/access/revoke")
        first = self.node.dms("GET", "/tasks")
        self.assertEqual((first.status, first.rule), (401, None))
        return self.node.dms("GET", "/tasks")

    @breaks("token-wrong-service")
    def test_domain_token_at_dms_and_access_token_at_storage(self):
        lease = self.begun()
        answer = self.node.dms("GET", "/tasks", token=lease.token)
        lease.token = self.node.token
        return [answer, self.node.read(lease, "?ids=x")]

    @breaks("token-foreign-origin")
    def test_followed_to_another_origin(self):
        lease = self.begun()
        return request("GET", self.devnet.env["TRAP_URL"] + "/api/v1/domains/x/data",
                       headers={"Authorization": "Bearer " + lease.token})


class Leasing(RuleCase):
    @breaks("lease-request")
    def test_request(self):
        self.node.join()
        return [self.node.dms("GET", "/tasks" + query) for query in
                ("?x=1", "?capability=a&limit=1", "?capability", "?capability=")] + [self.node.dms("GET", "/tasks", b"{}")]

    def test_a_lease_may_be_narrowed_to_some_capabilities(self):
        one, two, other = ("/examples/" + str(uuid.uuid4()) for _ in range(3))
        self.node.capabilities = sorted([one, two])
        self.node.join()
        jobs = {capability: self.devnet.create_job(capability)["id"] for capability in (one, two, other)}
        asked = lambda *capabilities: self.node.dms(
            "GET", "/tasks?" + "&".join("capability=" + urllib.parse.quote(one, "") for one in capabilities))
        self.assertEqual([asked(other).status, asked("/examples/never").status], [204, 204])
        self.assertEqual(asked(two).json["task"]["job_id"], jobs[two])
        self.assertEqual(asked(two).status, 204)
        self.assertEqual(asked(other, two, one).json["task"]["job_id"], jobs[one])
        self.assertEqual(self.devnet.violations(), [])

    @breaks("cancelled-envelope")
    def test_cancelled_envelope_is_left_alone(self):
        self.devnet.admin("POST", "/overrides/lease", {"patch": {"cancel": True}})
        lease = self.leased()
        self.assertTrue(lease.envelope["cancel"])
        return [self.node.heartbeat(lease), self.node.fail(lease), self.node.read(lease, "?ids=x")]

    @breaks("heartbeat-shape")
    def test_heartbeat_shape(self):
        lease = self.leased()
        bodies = [{"progress": {}}, {"events": []}, {"progress": {}, "events": {}}, {"progress": {}, "events": [], "x": 1}]
        return [self.node.dms("POST", f"/tasks/{lease.id}/heartbeat", body) for body in bodies]

    @breaks("heartbeat-first-shape")
    def test_first_heartbeat(self):
        lease = self.leased()
        return [self.node.heartbeat(lease, {"percent": 1}), self.node.heartbeat(lease, {}, ["event"])]

    @breaks("json-content-type")
    def test_heartbeat_content_type(self):
        lease = self.leased()
        return self.node.dms("POST", f"/tasks/{lease.id}/heartbeat", b'{"progress":{},"events":[]}',
                             **{"Content-Type": "application/msgpack"})

    @breaks("heartbeat-after-report")
    def test_heartbeat_after_an_answered_report(self):
        answers = []
        for report in (self.node.complete, self.node.fail):
            lease = self.begun(max_attempts=1)
            self.assertEqual(report(lease).status, 200)
            answers.append(self.node.heartbeat(lease))
        return answers

    def test_heartbeats_that_crossed_the_reports_answer_or_follow_a_restart_are_no_violation(self):
        self.settings(race_grace_ms=20000)
        lease = self.begun()
        self.assertEqual(self.node.complete(lease).status, 200)
        self.assertEqual((self.node.heartbeat(lease).status, self.node.heartbeat(lease).rule), (410, None))
        self.settings(race_grace_ms=0, restarts_allowed=1)
        self.assertEqual((self.node.heartbeat(lease).status, self.devnet.violations()), (410, []))

    def test_heartbeats_while_the_reports_answer_is_held_up_are_right(self):
        for when in ("before", "after"):
            lease = self.begun()
            last = self.devnet.admin("GET", "/requests")["last"]
            self.devnet.fault(kind="latency", path="*/complete", latency_ms=700, when=when)
            reporting = threading.Thread(target=self.node.complete, args=(lease,))
            reporting.start()
            if when == "after":
                while self.devnet.job(self.job["id"])["status"] != "completed":
                    pass
            answers = [self.node.heartbeat(lease, {"percent": 100}) for _ in range(3)]
            self.assertEqual(self.devnet.admin("GET", f"/requests?since={last}&path=*/complete")["requests"], [])
            self.assertEqual([answer.status for answer in answers], [200] * 3, when)
            reporting.join()
            self.assertEqual(self.devnet.job(self.job["id"])["status"], "completed")
            self.assertEqual(self.devnet.violations(), [])
            self.assertEqual(self.node.heartbeat(lease).rule, "heartbeat-after-report")
            self.devnet.admin("DELETE", "/violations")

    def test_heartbeats_after_a_report_whose_answer_was_bent_are_no_violation(self):
        lease = self.begun()
        self.devnet.fault(kind="status", path="*/complete", when="after")
        self.assertEqual(self.node.complete(lease).status, 503)
        self.assertEqual((self.node.heartbeat(lease).status, self.devnet.violations()), (410, []))
        self.assertEqual(self.node.complete(lease).status, 409)
        self.assertEqual(self.node.heartbeat(lease).rule, "heartbeat-after-report")

    def test_an_empty_heartbeat_is_a_renewal(self):
        lease = self.begun()
        self.node.heartbeat(lease, {"percent": 1}, ["one"])
        before = self.devnet.task(self.job["id"])
        answer = self.node.dms("POST", f"/tasks/{lease.id}/heartbeat", b'{"progress":{},"events":[]}')
        after = self.devnet.task(self.job["id"])
        self.assertEqual((answer.status, after["heartbeats"], after["events"]), (200, before["heartbeats"] + 1, ["one"]))
        self.assertGreaterEqual(after["lease"]["expires_at"], before["lease"]["expires_at"])
        self.assertEqual(self.devnet.violations(), [])

    @breaks("task-renamed")
    def test_old_id_after_a_new_name(self):
        lease = self.leased()
        old, new = lease.id, str(uuid.uuid4())
        self.devnet.admin("POST", "/overrides/heartbeat", {"patch": {"task_id": new}})
        self.node.begin(lease)
        self.assertEqual(lease.id, new)
        self.assertEqual(self.node.heartbeat(lease).status, 200)
        lease.id = old
        return self.node.heartbeat(lease)

    @breaks("url-encoding")
    def test_url_encoding(self):
        lease = self.begun()
        return [self.node.read(lease, "?ids=a|b"), self.node.read(lease, '/a"b?raw=true'),
                self.node.read(lease, "/../data?ids=x")]


class Reports(RuleCase):
    def completed(self, lease, change):
        body = self.node.completion(lease)
        change(body)
        return self.node.complete(lease, body)

    @breaks("complete-shape")
    def test_complete_shape(self):
        lease = self.begun()
        return [self.completed(lease, lambda body: body.update(outputs_index={})),
                self.completed(lease, lambda body: body.pop("output_cids")),
                self.completed(lease, lambda body: body["meta"].update(more=1)),
                self.completed(lease, lambda body: body["meta"].pop("artifacts"))]

    @breaks("complete-before-heartbeat")
    def test_complete_without_heartbeat(self):
        return self.node.complete(self.leased())

    @breaks("report-job")
    def test_job(self):
        lease = self.begun()
        answers = [self.completed(lease, lambda body, field=field: body["meta"]["job"].update({field: "other"}))
                   for field in ("task_id", "job_id", "domain_id", "capability", "extra")]
        failure = self.node.failure(lease)
        del failure["details"]["job"]["capability"]
        return answers + [self.node.fail(lease, failure)]

    @breaks("report-artifacts")
    def test_artifacts(self):
        lease = self.begun()
        self.node.upload(lease, "a.json", b"{}")
        return [self.completed(lease, lambda body: body["meta"]["artifacts"][0].update(size=2)),
                self.completed(lease, lambda body: body["meta"]["artifacts"][0].update(id="")),
                self.completed(lease, lambda body: body["meta"]["artifacts"].append("x"))]

    @breaks("report-artifact-exists")
    def test_artifact_exists(self):
        lease = self.begun()
        logical, name, data_type = self.node.name_of(lease, "never.json")
        self.node.remember(lease, logical, name, data_type, str(uuid.uuid4()))
        return [self.node.complete(lease), self.node.fail(lease)]

    @breaks("report-artifact-name")
    def test_artifact_name(self):
        lease = self.begun()
        self.node.upload(lease, "a.json", b"{}")
        return [self.completed(lease, lambda body: body["meta"]["artifacts"][0].update(logical_path="jobs/42/b.json")),
                self.completed(lease, lambda body: body["meta"]["artifacts"][0].update(data_type="csv"))]

    @breaks("complete-output-cids")
    def test_output_cids(self):
        lease = self.begun()
        self.node.upload(lease, "a.json", b"{}")
        return [self.completed(lease, lambda body: body["output_cids"].clear()),
                self.completed(lease, lambda body: body["output_cids"].__setitem__(0, "x"))]

    @breaks("fail-shape")
    def test_fail_shape(self):
        lease = self.begun()
        return [self.node.fail(lease, {"reason": "r"}),
                self.node.fail(lease, {**self.node.failure(lease), "retry": True}),
                self.node.fail(lease, {"reason": "r", "details": {"job": self.node.job_fields(lease)}})]

    @breaks("fail-reason")
    def test_fail_reason(self):
        lease = self.begun()
        return self.node.fail(lease, self.node.failure(lease, reason=""))

    @breaks("fail-setup")
    def test_fail_setup(self):
        lease = self.leased()
        bodies = [{"reason": "node_setup_failed", "details": {"stage": "warm_up", "error": "e"}},
                  {"reason": "node_setup_failed", "details": {"stage": "build_ports"}},
                  {"reason": "node_setup_failed", "details": {"stage": "build_ports", "error": "e", "job": {}}},
                  {"reason": "other", "details": {"stage": "build_ports", "error": "e"}}]
        return [self.node.fail(lease, body) for body in bodies]

    @breaks("fail-before-heartbeat")
    def test_fail_before_heartbeat(self):
        return self.node.fail(self.leased())

    @breaks("report-after-cancel")
    def test_report_after_cancel(self):
        lease = self.begun()
        self.devnet.app("POST", f"{self.devnet.dms}/jobs/{self.job['id']}/cancel")
        self.assertTrue(self.node.heartbeat(lease).json["cancel"])
        return [self.node.complete(lease), self.node.fail(lease)]

    @breaks("report-after-lost")
    def test_report_after_lost(self):
        lease = self.begun()
        self.devnet.admin("POST", "/leases/expire?task=" + lease.task["id"])
        self.assertEqual(self.node.heartbeat(lease).status, 410)
        return self.node.fail(lease)

    @breaks("report-changed")
    def test_report_changed(self):
        lease = self.begun()
        self.assertEqual(self.node.complete(lease).status, 200)
        again = self.node.complete(lease)
        self.assertEqual((again.status, again.rule), (409, None))
        return self.node.fail(lease)

    @breaks("upload-left-open")
    def test_upload_left_open(self):
        lease = self.begun()
        self.assertEqual(self.node.start_multipart(lease).status, 200)
        return [self.node.complete(lease), self.node.fail(lease)]

    def test_a_failure_may_overtake_the_abort_of_what_it_gives_up(self):
        self.settings(race_grace_ms=20000)
        lease = self.begun()
        upload = self.node.start_multipart(lease).json["upload_id"]
        self.devnet.fault(kind="latency", method="DELETE", path=f"*uploadId={upload}", latency_ms=500)
        aborting = threading.Thread(target=self.node.abort_multipart, args=(lease, upload))
        aborting.start()
        self.assertEqual(self.node.fail(lease).status, 200)
        aborting.join()
        self.assertEqual(self.devnet.violations(), [])

    def test_a_complete_whose_artifacts_were_stored_before_the_loss_is_declined_without_blame(self):
        lease = self.begun()
        self.node.upload(lease, "a.json", b"{}")
        self.devnet.admin("POST", "/leases/expire?task=" + lease.task["id"])
        self.assertEqual(self.node.heartbeat(lease).status, 410)
        self.assertEqual(self.node.complete(lease).status, 410)
        self.assertEqual(self.devnet.violations(), [])

    def test_an_answer_can_be_replaced_by_any_text(self):
        self.devnet.create_job(self.capability)
        self.devnet.admin("POST", "/overrides/lease", {"raw": '{"task":{"id":5}'})
        self.node.join()
        self.assertEqual(self.node.dms("GET", "/tasks").body, b'{"task":{"id":5}')
