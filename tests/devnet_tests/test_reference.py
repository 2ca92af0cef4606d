"""A node that does everything right meets no rule at all, and everything it does is seen."""
import hashlib
import json
import unittest
import uuid

from client import Node, parse_parts
from network import Devnet
from ports import free_port


class Reference(unittest.TestCase):
    def setUp(self):
        # A port that is still ours when the network is restarted.
        self.devnet = Devnet("--listen", f"127.0.0.1:{free_port()}", "--part-size", "1000", "--health-interval", "0.3")
        self.node = None

    def tearDown(self):
        if self.node:
            self.node.stop()
        status, output = self.devnet.stop()
        self.assertEqual((status, output), (0, ""))

    def test_callback_flow_calls_back_and_checks_health(self):
        self.node = Node(self.devnet).join_by_callback()
        path, body = self.node.inbound.callbacks[0]
        self.assertEqual(path, "/internal/v1/registrations")
        self.assertTrue(body["id"] and body["secret"])
        self.node.inbound.wait(lambda: len(self.node.inbound.health_agents) > 1)
        self.assertEqual(self.node.inbound.health_agents[0], ("/health", "DDS v1.0"))

    def test_a_whole_job_with_inputs_small_and_multipart_outputs(self):
        domain = str(uuid.uuid4())
        first = self.devnet.put_input(domain, "scan_2024-01-02_03-04-05", "csv", b"1,2\r\n--not a boundary\r\n")
        second = self.devnet.put_input(domain, "empty", "txt", b"")
        job = self.devnet.create_job("/examples/a/v1", domain_id=domain, inputs_cids=[first, second])
        self.node = node = Node(self.devnet).join()
        lease = node.begin()
        parts = parse_parts(node.read(lease, f"?ids={first},{second}"))
        self.assertEqual([data for _, data in parts], [b"1,2\r\n--not a boundary\r\n", b""])
        self.assertEqual(parts[0][0]["id"], first)
        self.assertEqual(parts[0][0]["size"], "23")
        self.assertEqual(parts[0][0]["domain-id"], domain)
        self.assertEqual(node.read(lease, f"/{first}?raw=true").body, b"1,2\r\n--not a boundary\r\n")
        node.heartbeat(lease, {"percent": 50}, [{"event": "half"}, 7])
        node.upload(lease, "result.json", b"{}")
        big = bytes(range(256)) * 10
        big_id = node.upload_multipart(lease, "cloud.bin", big)
        node.upload(lease, "result.json", b'{"again":1}')
        self.assertEqual(node.read(lease, f"/{big_id}?raw=true").body, big)
        self.assertEqual(node.complete(lease).status, 200)
        shown = self.devnet.job(job["id"])
        self.assertEqual(shown["status"], "completed")
        self.assertEqual(shown["tasks"][0]["events"], [{"event": "half"}, 7])
        self.assertEqual(shown["tasks"][0]["progress"], {"percent": 50})
        listing = {row["id"]: row for row in self.devnet.admin("GET", "/data")["data"]}
        self.assertEqual((listing[big_id]["stored_by"], listing[big_id]["parts"], listing[big_id]["size"],
                          listing[big_id]["sha256"]), ("multipart", 3, 2560, hashlib.sha256(big).hexdigest()))

    def test_opaque_json_survives_to_the_digit(self):
        meta = '{"big":123456789012345678901234567890,"real":0.10000000000000000001,"nul":"\\u0000","z":1,"a":2}'
        body = json.dumps({"label": "l", "domain_id": str(uuid.uuid4()), "priority": 0, "meta": {}, "edges": [],
                           "tasks": [{"label": "t", "stage": "s", "capability": "/examples/a/v1",
                                      "capability_filters": {}, "priority": 0, "inputs_cids": [],
                                      "outputs_prefix": "", "mode": "public", "meta": "META", "max_attempts": 1}]})
        answer = self.devnet.app("POST", self.devnet.dms + "/jobs", body.replace('"META"', meta).encode())
        self.assertEqual(answer.status, 201, answer)
        self.node = node = Node(self.devnet).join()
        raw = node.dms("GET", "/tasks")
        self.assertIn(meta, raw.body.decode())
        task = raw.json["task"]["id"]
        node.dms("POST", f"/tasks/{task}/heartbeat", b'{"progress":{},"events":[]}')
        node.dms("POST", f"/tasks/{task}/heartbeat", f'{{"progress":{meta},"events":[{meta},1e400]}}'.encode())
        shown = self.devnet.app("GET", f"{self.devnet.dms}/jobs/{answer.json['id']}").body.decode()
        self.assertEqual(shown.count(meta), 2)
        self.assertIn("1e400", shown)

    def test_set_up_failures_and_idle_answers(self):
        self.node = node = Node(self.devnet).join()
        self.assertIsNone(node.lease())
        self.devnet.create_job("/examples/a/v1", max_attempts=1)
        lease = node.lease()
        answer = node.fail(lease, {"reason": "node_setup_failed",
                                   "details": {"stage": "start_session", "error": "not registered here"}})
        self.assertEqual(answer.status, 200)
        self.assertEqual(node.dms("POST", f"/tasks/{uuid.uuid4()}/heartbeat", {"progress": {}, "events": []}).status, 404)

    def test_info_and_other_capabilities_are_left_alone(self):
        from network import request
        answer = request("GET", self.devnet.domain_server + "/api/v1/info")
        self.assertEqual(answer.json["upload"]["multipart"], {"enabled": True})
        self.node = node = Node(self.devnet).join()
        self.devnet.create_job("/examples/other/v1")
        self.assertIsNone(node.lease())

    def test_people_store_files_as_they_are(self):
        url = f"{self.devnet.domain_server}/api/v1/domains/{uuid.uuid4()}/data"
        first = self.devnet.app("PUT", url + "?name=in%20put&data_type=txt", b"one").json["data"][0]
        again = self.devnet.app("PUT", url + "?name=in%20put&data_type=txt", b"two").json["data"][0]
        self.assertEqual((first["name"], first["id"]), ("in put", again["id"]))
        self.assertEqual(self.devnet.app("GET", f"{url}/{first['id']}?raw=true").body, b"two")

    def test_state_outlives_a_restart(self):
        job = self.devnet.create_job("/examples/a/v1")
        self.node = node = Node(self.devnet).join()
        lease = node.begin()
        node.upload(lease, "kept.json", b"kept")
        port = self.devnet.dds.split(":")[2].split("/")[0]
        self.assertEqual(self.devnet.stop(keep=True)[0], 0)
        self.devnet = Devnet("--listen", f"127.0.0.1:{port}", state=self.devnet.state)
        self.assertEqual(node.complete(lease).status, 200)
        self.assertEqual(self.devnet.job(job["id"])["status"], "completed")


if __name__ == "__main__":
    unittest.main()
