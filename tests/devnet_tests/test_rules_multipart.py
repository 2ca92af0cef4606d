"""Multipart uploads: docs/network.md 4.2, one mutation at a time."""
import json

from network import request
from rule_case import RuleCase, breaks

JSON = {"Content-Type": "application/json"}


class Multipart(RuleCase):
    def started(self, size=None):
        lease = self.begun()
        return lease, self.node.start_multipart(lease, size=size).json["upload_id"]

    def parts(self, lease, upload):
        return [{"part_number": n + 1, "etag": self.node.put_part(lease, upload, n + 1, data).json["etag"]}
                for n, data in enumerate((b"a" * 1000, b"b" * 1000, b"c" * 10))]

    @breaks("multipart-init-shape")
    def test_start(self):
        lease = self.begun()
        return [self.node.start_multipart(lease, parts=3), self.node.start_multipart(lease, content_type="text/plain"),
                self.node.start_multipart(lease, size="9"),
                self.node.storage(lease, "POST", "/multipart?uploads", json.dumps({"name": "n"}).encode(), **JSON)]

    @breaks("multipart-empty")
    def test_empty(self):
        return self.node.start_multipart(self.begun(), size=0)

    @breaks("artifact-name")
    def test_name(self):
        return self.node.start_multipart(self.begun(), name="free")

    @breaks("multipart-unknown-upload")
    def test_unknown(self):
        lease = self.begun()
        return [self.node.put_part(lease, "none", 1, b"x"), self.node.abort_multipart(lease, "none"),
                self.node.complete_multipart(lease, "none", [])]

    @breaks("multipart-finished")
    def test_finished(self):
        lease, aborted = self.started()
        self.assertEqual(self.node.abort_multipart(lease, aborted).status, 204)
        completed = self.node.start_multipart(lease).json["upload_id"]
        parts = [{"part_number": 1, "etag": self.node.put_part(lease, completed, 1, b"x").json["etag"]}]
        first = self.node.complete_multipart(lease, completed, parts)
        again = self.node.complete_multipart(lease, completed, parts)
        self.assertEqual((first.status, again.status, first.json["id"]), (200, 200, again.json["id"]))
        self.assertEqual(self.node.abort_multipart(lease, completed).status, 404)
        return [self.node.put_part(lease, aborted, 1, b"x"), self.node.put_part(lease, completed, 1, b"x"),
                self.node.complete_multipart(lease, aborted, parts)]

    @breaks("multipart-content-type")
    def test_content_type(self):
        lease, upload = self.started()
        return self.node.put_part(lease, upload, 1, b"x", content_type="text/plain")

    @breaks("multipart-part-number")
    def test_number(self):
        lease, upload = self.started()
        return [self.node.put_part(lease, upload, number, b"x") for number in (0, -1, "", "one", 10001)]

    @breaks("multipart-part-size")
    def test_size(self):
        lease, upload = self.started()
        answers = [self.node.put_part(lease, upload, 1, b"x" * 1001), self.node.put_part(lease, upload, 1, b"")]
        parts = [{"part_number": n, "etag": self.node.put_part(lease, upload, n, b"x" * 999).json["etag"]}
                 for n in (1, 2)]
        answers.append(self.node.complete_multipart(lease, upload, parts))
        announced = self.node.start_multipart(lease, "other.bin", size=2500).json["upload_id"]
        return answers + [self.node.put_part(lease, announced, 2, b"x" * 500)]

    @breaks("multipart-complete-shape")
    def test_complete_shape(self):
        lease, upload = self.started()
        parts = self.parts(lease, upload)
        return [self.node.storage(lease, "POST", f"/multipart?uploadId={upload}", b'{"etags":[]}', **JSON),
                self.node.complete_multipart(lease, upload, [{**parts[0], "size": 1}] + parts[1:])]

    @breaks("multipart-order")
    def test_order(self):
        lease, upload = self.started()
        one, two, three = self.parts(lease, upload)
        return [self.node.complete_multipart(lease, upload, listed) for listed in
                ([two, one, three], [one, two], [one, three], [], [one, two, three, {**three, "part_number": 4}])]

    @breaks("multipart-etag")
    def test_etag(self):
        lease, upload = self.started()
        parts = self.parts(lease, upload)
        return self.node.complete_multipart(lease, upload, [{**parts[0], "etag": parts[1]["etag"]}] + parts[1:])

    @breaks("multipart-total-size")
    def test_total(self):
        lease, upload = self.started(size=2011)
        parts = [{"part_number": n, "etag": self.node.put_part(lease, upload, n, b"x" * size).json["etag"]}
                 for n, size in ((1, 1000), (2, 1000), (3, 10))]
        return self.node.complete_multipart(lease, upload, parts)

    def test_without_multipart_it_is_404_and_no_violation(self):
        lease = self.begun()
        self.settings(multipart=0)
        answer = self.node.start_multipart(lease)
        self.assertEqual((answer.status, answer.rule), (404, None))
        self.assertEqual(request("GET", self.devnet.domain_server + "/api/v1/info").json["upload"]["multipart"],
                         {"enabled": False})

    def test_an_existing_id_is_kept(self):
        lease = self.begun()
        first = self.node.upload_multipart(lease, "cloud.bin", b"1" * 1500)
        self.assertEqual(self.node.upload_multipart(lease, "cloud.bin", b"2" * 2500), first)
        self.assertEqual(self.node.read(lease, f"/{first}?raw=true").body, b"2" * 2500)
        self.assertEqual(self.devnet.violations(), [])
