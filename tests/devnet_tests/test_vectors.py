"""The judge itself is judged by tests/vectors: what they call right must pass, what they call off must not."""
import json
import os

from rule_case import RuleCase

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors")


def cases(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        return json.load(file)["cases"]


class Vectors(RuleCase):
    def test_registrations(self):
        """Signatures of the vectors are right: all that is wrong with them is their age."""
        for case in cases("registration.json"):
            body = {**self.node.registration(), **{key: case[key] for key in
                                                   ("url", "timestamp", "signature", "public_key")}}
            self.assertEqual(self.node.register(body).rule, "register-timestamp-fresh", case)
            if case["node_url"] != case["url"]:
                self.assertEqual(self.node.register({**body, "url": case["node_url"]}).rule, "register-url", case)

    def test_versions(self):
        for case in cases("semver.json"):
            answer = self.node.register({**self.node.registration(timestamp="2024-01-02T03:04:05.000000000Z"),
                                         "version": case["input"]})
            right = case["expected"] == case["input"]
            self.assertEqual(answer.rule, "register-timestamp-fresh" if right else "register-version", case)

    def test_artifact_names(self):
        self.settings(free_artifact_names=1)
        lease, seen = self.begun(outputs_prefix=""), set()
        for case in cases("names.json"):
            if case["kind"] != "artifact" or "name" not in case:
                continue
            name = case["name"][:-len(case["task_id"])] + lease.id
            if (name, case["data_type"]) in seen:
                continue
            seen.add((name, case["data_type"]))
            self.assertIsNone(self.node.look_up(lease, name, case["data_type"]))
            answer = self.node.put_form(lease, "POST", {"name": name, "data-type": case["data_type"]}, b"x")
            self.assertEqual(answer.status, 200, answer)
            self.node.remember(lease, case["logical_path"], name, case["data_type"], answer.json["data"][0]["id"])
        self.assertGreater(len(lease.artifacts), 10)
        self.settings(free_artifact_names=0)
        answer = self.node.complete(lease)
        self.assertEqual(answer.status, 200, answer)
