"""Reads and small uploads: docs/network.md 4, one mutation at a time."""
import uuid

from client import form, form_of
from network import request
from rule_case import RuleCase, breaks


class Access(RuleCase):
    @breaks("storage-authorization")
    def test_without_a_token(self):
        lease = self.begun()
        return self.node.storage(lease, "GET", "?ids=x", Authorization=None)

    @breaks("domain-token-unknown")
    def test_unknown_token(self):
        lease = self.begun()
        lease.token = "invented"
        return self.node.read(lease, "?ids=x")

    @breaks("domain-token-stale")
    def test_old_token_after_a_new_one(self):
        lease = self.begun()
        old = lease.token
        self.settings(rotate_domain_token=1)
        self.node.heartbeat(lease)
        self.assertNotEqual(lease.token, old)
        self.assertEqual(self.node.read(lease, "?ids=x").rule, None)
        lease.token = old
        return self.node.read(lease, "?ids=x")

    @breaks("domain-token-third-try")
    def test_third_try(self):
        lease = self.begun()
        self.devnet.admin("POST", "/tokens/domain/revoke")
        for _ in range(2):
            answer = self.node.read(lease, "?ids=x")
            self.assertEqual((answer.status, answer.rule), (401, None))
        return self.node.read(lease, "?ids=x")

    @breaks("token-wrong-domain")
    def test_other_domain(self):
        lease = self.begun()
        return self.node.read(lease, "?ids=x", domain=str(uuid.uuid4()))

    @breaks("client-id-missing")
    def test_client_id_missing(self):
        lease = self.begun()
        return self.node.storage(lease, "GET", "?ids=x", **{"posemesh-client-id": None})

    @breaks("client-id-changed")
    def test_client_id_changed(self):
        lease = self.begun()
        self.node.read(lease, "?ids=x")
        self.node.client_id = "another"
        return self.node.read(lease, "?ids=x")

    def test_a_client_id_may_be_one_for_each_lease(self):
        for client_id in ("one", "two", "one"):
            self.node.client_id = client_id
            lease = self.begun()
            self.node.upload(lease, "a.json", b"{}")
            self.assertEqual(self.node.read(lease, "?ids=x").status, 404)
            self.assertEqual(self.node.complete(lease).status, 200)
        self.assertEqual(self.devnet.violations(), [])
        self.assertEqual([row["client_id"] for row in self.devnet.admin("GET", "/nodes")["nodes"]
                          if row["address"] == self.node.wallet.address], ["one"])

    def test_leases_held_together_may_have_a_client_id_each(self):
        first, second = self.begun(), self.begun()
        for _ in range(2):
            for lease, client_id in ((first, "one"), (second, "two")):
                self.node.client_id = client_id
                self.assertEqual(self.node.read(lease, "?ids=x").status, 404)
        self.assertEqual(self.devnet.violations(), [])
        self.assertEqual(self.node.read(first, "?ids=x").rule, "client-id-changed")

    def test_small_forms_need_no_client_id(self):
        lease = self.begun()
        _, name, data_type = self.node.name_of(lease, "a.json")
        self.node.look_up(lease, name, data_type)
        without = {"posemesh-client-id": None}
        answer = self.node.put_form(lease, "POST", {"name": name, "data-type": data_type}, b"x", **without)
        self.assertEqual(answer.status, 200, answer)
        made = answer.json["data"][0]["id"]
        self.assertEqual(self.node.put_form(lease, "PUT", {"id": made}, b"y", **without).status, 200)
        self.assertEqual(self.devnet.violations(), [])
        for headers in ({"posemesh-client-id": "another"}, {"posemesh-client-id": ""}):
            answer = self.node.put_form(lease, "PUT", {"id": made}, b"z", **headers)
            self.assertIn(answer.rule, ("client-id-changed", "client-id-missing"))
        self.assertEqual(self.node.storage(lease, "POST", "/multipart?uploads", b"{}", **without).rule, "client-id-missing")

    def test_data_is_deleted_by_who_may_write_there(self):
        other = str(uuid.uuid4())
        theirs = self.devnet.put_input(other, "n", "txt", b"elsewhere")
        lease = self.begun(inputs_cids=[f"https://else.example/api/v1/domains/{other}/data/{theirs}"])
        mine, late = self.node.upload(lease, "a.json", b"{}"), self.node.upload(lease, "b.json", b"{}")
        self.assertEqual(self.node.delete(lease, mine).status, 204)
        self.assertEqual(self.node.delete(lease, mine).status, 404)
        self.assertEqual(self.node.read(lease, f"/{mine}?raw=true").status, 404)
        self.assertEqual(self.node.read(lease, f"/{theirs}?raw=true", domain=other).body, b"elsewhere")
        self.assertEqual(self.devnet.violations(), [])
        self.assertEqual(self.node.delete(lease, theirs, domain=other).rule, "token-wrong-domain")
        self.assertEqual(self.node.delete(lease, theirs, Authorization=None).rule, "storage-authorization")
        url = f"{self.devnet.domain_server}/api/v1/domains/{other}/data/"
        self.assertEqual(self.devnet.app("DELETE", f"{self.devnet.domain_server}/api/v1/domains/x/data/{theirs}").status, 404)
        self.assertEqual([self.devnet.app("DELETE", url + theirs).status for _ in range(2)], [204, 404])
        self.assertEqual(self.node.complete(lease).rule, "report-artifact-exists")
        lease.artifacts = [artifact for artifact in lease.artifacts if artifact["id"] == late]
        self.assertEqual(self.node.complete(lease).status, 200)
        self.assertEqual(self.node.delete(lease, late).rule, "storage-after-lease")

    @breaks("heartbeat-first-before-storage")
    def test_storage_before_the_first_heartbeat(self):
        lease = self.leased()
        body, content_type = form({"name": "n", "data-type": "json"}, b"")
        return [self.node.read(lease, "?ids=x"),
                self.node.storage(lease, "POST", "", body, **{"Content-Type": content_type})]

    @breaks("storage-after-lease")
    def test_write_after_the_report(self):
        lease = self.begun()
        self.node.upload(lease, "a.json", b"{}")
        self.assertEqual(self.node.complete(lease).status, 200)
        return self.node.put_form(lease, "PUT", {"id": lease.artifacts[0]["id"]}, b"late")

    @breaks("info-no-token")
    def test_info(self):
        return request("GET", self.devnet.domain_server + "/api/v1/info", headers={"Authorization": "Bearer x"})

    def test_a_lease_without_a_token_goes_to_storage_without_one(self):
        self.devnet.admin("POST", "/overrides/lease", {"patch": {"access_token": None}})
        lease = self.begun()
        self.assertNotIn("access_token", lease.envelope)
        answer = self.node.storage(lease, "GET", "?ids=x", Authorization=None)
        self.assertEqual((answer.status, answer.rule), (401, None))
        self.assertEqual(self.devnet.violations(), [])
        self.node.complete(lease)

    def test_an_input_of_another_domain_may_be_read(self):
        other = str(uuid.uuid4())
        data = self.devnet.put_input(other, "n", "txt", b"elsewhere")
        lease = self.begun(inputs_cids=[f"https://else.example/api/v1/domains/{other}/data/{data}"])
        self.assertEqual(self.node.read(lease, f"/{data}?raw=true", domain=other).body, b"elsewhere")
        self.assertEqual(self.devnet.violations(), [])


class Reads(RuleCase):
    @breaks("read-accept")
    def test_accept(self):
        lease = self.begun()
        return [self.node.read(lease, "?ids=x", accept="*/*"), self.node.read(lease, "?ids=x", accept=None),
                self.node.read(lease, "/" + self.devnet.put_input(lease.domain, "n", "txt", b""), accept=None)]

    @breaks("read-unbounded")
    def test_unbounded(self):
        lease = self.begun()
        return [self.node.read(lease, ""), self.node.read(lease, "?ids=,,"), self.node.read(lease, "?other=1")]

    @breaks("lookup-exact")
    def test_lookup(self):
        lease = self.begun()
        return [self.node.read(lease, "?name=n", accept="application/json"),
                self.node.read(lease, "?data_type=json", accept="application/json")]


class Forms(RuleCase):
    def sent(self, lease, body, content_type="multipart/form-data; boundary=bound", method="POST"):
        return self.node.storage(lease, method, "", body, **{"Content-Type": content_type})

    def named(self, lease, path="a.json"):
        _, name, data_type = self.node.name_of(lease, path)
        self.node.look_up(lease, name, data_type)
        return {"name": name, "data-type": data_type}

    @breaks("form-content-type")
    def test_content_type(self):
        lease = self.begun()
        body, _ = form(self.named(lease), b"x", "bound")
        return [self.sent(lease, body, content_type) for content_type in
                ("application/octet-stream", "multipart/form-data", "multipart/form-data; boundary=",
                 "multipart/form-data; boundary=a b", "multipart/form-data; boundary=" + "b" * 71)]

    @breaks("form-framing")
    def test_framing(self):
        lease = self.begun()
        body, _ = form(self.named(lease), b"x", "bound")
        return [self.sent(lease, wrong) for wrong in
                (b"", b"preamble\r\n" + body, body[:-2], body + b"epilogue", body.replace(b"\r\n", b"\n"),
                 body.replace(b"\r\n--bound--", b"--bound--"))]

    @breaks("form-boundary-in-data")
    def test_boundary_in_data(self):
        lease = self.begun()
        fields = self.named(lease)
        return [self.sent(lease, form(fields, b"a\r\n--bound\r\nb", "bound")[0]),
                self.sent(lease, form(fields, b"a\r\n--bound--\r\nb", "bound")[0]),
                self.sent(lease, form(fields, b"--bound", "bound")[0])]

    @breaks("form-part-headers")
    def test_part_headers(self):
        lease = self.begun()
        body, _ = form(self.named(lease), b"x", "bound")
        start = body.index(b"Content-Disposition")
        return [self.sent(lease, wrong) for wrong in
                (body.replace(b"octet-stream", b"json"),
                 body.replace(b"Content-Type: application/octet-stream\r\n", b""),
                 body[:start - 2] + body[body.index(b"\r\n\r\n"):],
                 body.replace(b"Content-Type", b"X-More: 1\r\nContent-Type"),
                 body.replace(b"form-data; name", b"form-data;name"), body.replace(b'name="', b'name=', 1),
                 body.replace(b"data-type=", b"data_type="),
                 body.replace(b'; data-type', b'; filename="f"; data-type'))]

    @breaks("form-create-fields")
    def test_create_fields(self):
        lease = self.begun()
        fields = self.named(lease)
        return [self.node.put_form(lease, "POST", wrong, b"x") for wrong in
                ({"name": fields["name"]}, {"data-type": "json"}, {**fields, "name": ""}, {**fields, "id": "x"})] + [
                    self.sent(lease, form_of([(fields, b"x"), ({"id": "x"}, b"y")], "bound")[0])]

    @breaks("form-update-fields")
    def test_update_fields(self):
        lease = self.begun()
        existing = self.node.upload(lease, "a.json", b"{}")
        return [self.node.put_form(lease, "PUT", wrong, b"x") for wrong in
                (self.named(lease), {"id": ""}, {"id": existing, "name": "n"})]

    @breaks("form-too-large")
    def test_too_large(self):
        lease = self.begun()
        return self.node.put_form(lease, "POST", self.named(lease), b"x" * 5000)

    @breaks("artifact-name")
    def test_name(self):
        lease = self.begun()
        right = self.named(lease)["name"]
        return [self.node.put_form(lease, "POST", {"name": wrong, "data-type": "json"}, b"x") for wrong in
                (right[:-1], right.replace("jobs_42", "jobs/42"), right.replace(lease.id, str(uuid.uuid4())),
                 right.replace("jobs_42", "other"), "_" + lease.id, right + "%22")]

    @breaks("artifact-data-type")
    def test_data_type(self):
        lease = self.begun()
        fields = self.named(lease)
        return [self.node.put_form(lease, "POST", {**fields, "data-type": wrong}, b"x") for wrong in ("a.b", "a b")]

    @breaks("artifact-lookup")
    def test_lookup(self):
        lease = self.begun()
        _, name, data_type = self.node.name_of(lease, "a.json")
        return self.node.put_form(lease, "POST", {"name": name, "data-type": data_type}, b"x")

    @breaks("artifact-duplicate")
    def test_duplicate(self):
        lease = self.begun()
        self.node.upload(lease, "a.json", b"{}")
        return self.node.put_form(lease, "POST", self.named(lease), b"x")

    def rows(self, lease):
        return {row["id"]: row for row in self.devnet.admin("GET", "/data")["data"] if row["domain_id"] == lease.domain}

    def test_each_part_of_a_form_is_an_object_of_its_own(self):
        lease = self.begun()
        fields = [self.named(lease, path) for path in ("a.json", "b.csv", "c.ply")]
        contents = [b"one", b"", b"\r\n\r\n--three"]
        answer = self.node.put_forms(lease, "POST", list(zip(fields, contents)))
        self.assertEqual(answer.status, 200, answer)
        made = answer.json["data"]
        self.assertEqual([(row["name"], row["data_type"], row["size"]) for row in made],
                         [(one["name"], one["data-type"], len(data)) for one, data in zip(fields, contents)])
        self.assertEqual([self.node.read(lease, f"/{row['id']}?raw=true").body for row in made], contents)
        answer = self.node.put_forms(lease, "PUT", [({"id": made[2]["id"]}, b"3"), ({"id": made[0]["id"]}, b"1")])
        self.assertEqual([row["id"] for row in answer.json["data"]], [made[2]["id"], made[0]["id"]])
        self.assertEqual([self.node.read(lease, f"/{row['id']}?raw=true").body for row in made], [b"1", b"", b"3"])
        self.assertEqual(self.devnet.violations(), [])

    def test_a_refused_part_refuses_the_whole_form(self):
        lease = self.begun()
        good, also = self.named(lease), self.named(lease, "b.json")
        existing = self.node.upload(lease, "kept.json", b"kept")
        before = self.rows(lease)
        for rule, method, parts in (
                ("artifact-name", "POST", [(good, b"x"), ({"name": "free", "data-type": "json"}, b"y")]),
                ("artifact-duplicate", "POST", [(good, b"x"), (also, b"y"), (good, b"z")]),
                ("form-update-fields", "PUT", [({"id": existing}, b"x"), (also, b"y")]),
                ("form-update-fields", "PUT", [({"id": existing}, b"x"), ({"id": existing}, b"y")]),
                (None, "PUT", [({"id": existing}, b"x"), ({"id": str(uuid.uuid4())}, b"y")])):
            answer = self.node.put_forms(lease, method, parts)
            self.assertEqual((answer.rule, answer.status >= 400), (rule, True), answer)
            self.assertEqual(self.rows(lease), before)
        broken = form_of([(good, b"x"), (also, b"y")], "bound")[0]
        self.assertEqual(self.sent(lease, broken.replace(b"octet-stream", b"json", 2)).rule, "form-part-headers")
        self.assertEqual(self.rows(lease), before)

    def test_a_form_whose_answer_got_lost_may_be_sent_again(self):
        lease = self.begun()
        parts = [(self.named(lease), b"x"), (self.named(lease, "b.json"), b"y")]
        self.devnet.fault(kind="status", status=503, when="after", method="POST", path="/domain/")
        self.assertEqual(self.node.put_forms(lease, "POST", parts).status, 503)
        answer = self.node.put_forms(lease, "POST", parts)
        self.assertEqual((answer.status, {row["id"] for row in answer.json["data"]}), (200, set(self.rows(lease))))
        self.assertEqual(self.devnet.violations(), [])

    def test_free_names_are_the_runner_s_own_affair(self):
        self.settings(free_artifact_names=1)
        lease = self.begun()
        self.node.look_up(lease, "my own name", "json")
        answer = self.node.put_form(lease, "POST", {"name": "my own name", "data-type": "json"}, b"x")
        self.assertEqual(answer.status, 200, answer)

    def test_quoted_values_are_decoded_as_browsers_encode_them(self):
        self.settings(free_artifact_names=1)
        lease = self.begun()
        self.node.look_up(lease, 'a"b\r\nc%41', "json")
        answer = self.node.put_form(lease, "POST", {"name": "a%22b%0D%0Ac%41", "data-type": "json"}, b"x")
        self.assertEqual(answer.json["data"][0]["name"], 'a"b\r\nc%41')

    def test_a_create_whose_answer_got_lost_may_be_sent_again(self):
        lease = self.begun()
        fields = self.named(lease)
        self.devnet.fault(kind="status", status=503, when="after", method="POST", path="/domain/")
        self.assertEqual(self.node.put_form(lease, "POST", fields, b"x").status, 503)
        self.assertEqual(self.node.put_form(lease, "POST", fields, b"x").status, 200)
        self.assertEqual(self.devnet.violations(), [])
