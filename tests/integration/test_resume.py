"""stored is killed in the middle of its work: the next one goes on, and the job does not notice.

POSEMESH_SOAK=1 kills it twenty times during an upload of a thousand parts (some eight minutes, as posemesh-node waits
longer each time before it starts a service again); without it three times during two hundred.
"""
import collections
import hashlib
import os
import signal
import unittest
import urllib.parse
import uuid

import programs
from harness import NodeCase
from scripted_content import content

PART_BYTES, CONCURRENCY = 32768, 4
SOAK = os.environ.get("POSEMESH_SOAK") == "1"
PARTS, KILLS = (1000, 20) if SOAK else (200, 3)


class ResumeCase(NodeCase):
    """Few tests share a node: it waits longer after each death of a service before it starts it again."""

    def part_requests(self, domain):
        """(part number, status) of each request that brought a part, in order."""
        seen, last = [], 0
        while rows := self.devnet.requests(f"*{domain}/data/multipart*partNumber=*", method="PUT", since=last):
            for row in rows:
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(row["path"]).query)
                seen.append((int(query["partNumber"][0]), row["status"]))
            last = rows[-1]["seq"]
        return seen

    def wait_for_parts(self, domain, count):
        programs.wait_until(lambda: len({number for number, status in self.part_requests(domain) if status == 200}) >= count,
                            f"{count} parts are at the server", timeout=120)

    def uploads(self, domain):
        return [row["state"] for row in self.devnet.admin("GET", "/uploads")["uploads"] if row["domain_id"] == domain]

    def begin_upload(self, parts, latency_ms=40):
        """A job whose output goes up slowly: (job, its domain)."""
        domain = str(uuid.uuid4())
        self.devnet.fault(kind="latency", method="PUT", path="*partNumber=*", latency_ms=latency_ms, count=-1)
        return self.devnet.post(["write", "big.bin", parts * PART_BYTES - 5], domain=domain), domain

    def assert_whole(self, job, parts, wait_ms=60000):
        shown = self.devnet.wait_job(job, wait_ms)
        self.assert_completed(shown)
        self.assertEqual(shown["tasks"][0]["attempts"], 1)
        (row,) = self.devnet.stored(shown).values()
        expected = hashlib.sha256(content("big.bin", parts * PART_BYTES - 5)).hexdigest()
        self.assertEqual((row["stored_by"], row["sha256"]), ("multipart", expected))

    def kill_stored(self):
        """In the middle of something: its session was still open."""
        mark = self.node.kill("stored")
        self.node.log.wait("session restored", "stored", since=mark)

    def output_file(self):
        (task,) = [name for name in os.listdir(self.node.work) if not name.startswith(".")]
        return os.path.join(self.node.work, task, "outputs", "big.bin")


class KilledAgainAndAgain(ResumeCase):
    def test_an_upload_goes_on_with_the_parts_that_were_in_flight(self):
        job, domain = self.begin_upload(PARTS)
        for kill in range(KILLS):
            self.wait_for_parts(domain, (kill + 1) * PARTS // (KILLS + 1))
            self.kill_stored()
        self.assert_whole(job, PARTS)
        times = collections.Counter(number for number, _ in self.part_requests(domain))
        again = sum(times.values()) - len(times)
        if SOAK:
            print(f"# {PARTS} parts, {KILLS} kills: {again} parts sent again", flush=True)
        self.assertEqual(len(times), PARTS)
        self.assertLessEqual(again, KILLS * CONCURRENCY)
        self.assertEqual(self.uploads(domain), ["completed"])


class Restarted(ResumeCase):
    def test_sigterm_does_not_abort_the_upload(self):
        job, domain = self.begin_upload(30)
        self.wait_for_parts(domain, 8)
        mark = self.node.log.mark()
        os.kill(self.node.pid("stored"), signal.SIGTERM)
        self.node.log.wait("session restored", "stored", since=mark)
        self.assert_whole(job, 30)
        self.assertEqual(self.uploads(domain), ["completed"])

    def test_the_answer_to_complete_was_lost_with_stored(self):
        job, domain = self.begin_upload(8, latency_ms=1)
        self.devnet.fault(kind="latency", method="POST", path="*multipart?uploadId=*", latency_ms=1500, count=1, when="after")
        programs.wait_until(lambda: self.uploads(domain) == ["completed"], "the server has completed the upload")
        self.kill_stored()
        self.assert_whole(job, 8)
        self.assertEqual(self.uploads(domain), ["completed"])


class NotToGoOn(ResumeCase):
    def test_an_upload_that_the_server_forgot_begins_anew(self):
        job, domain = self.begin_upload(30)
        self.wait_for_parts(domain, 8)
        os.kill(self.node.pid("stored"), signal.SIGKILL)
        (upload,) = [row["id"] for row in self.devnet.admin("GET", "/uploads")["uploads"] if row["domain_id"] == domain]
        self.devnet.admin("PUT", "/faults", [{"kind": "status", "method": "PUT", "path": f"*uploadId={upload}*", "status": 404,
                                             "count": -1}])
        self.assert_whole(job, 30)
        self.assertEqual(self.uploads(domain).count("completed"), 1)
        self.assertEqual(len(self.uploads(domain)), 2)

    def test_a_file_that_changed_meanwhile_becomes_no_object(self):
        job, domain = self.begin_upload(30)
        self.wait_for_parts(domain, 8)
        os.kill(self.node.pid("stored"), signal.SIGKILL)
        with open(self.output_file(), "r+b") as file:
            file.write(b"something else")
        shown = self.devnet.wait_job(job)
        self.assertEqual(shown["tasks"][0]["status"], "failed", shown)
        self.assertIn("the file changed", str(shown["tasks"][0]))
        programs.wait_until(lambda: self.uploads(domain) == ["aborted"], "the upload is aborted")
        self.assertEqual(self.devnet.stored(shown), {})


class Sessions(ResumeCase):
    def test_a_download_begins_anew(self):
        domain, data = str(uuid.uuid4()), os.urandom(400000)
        first, second = (self.devnet.store(domain, name, "bin", data) for name in ("first", "second"))
        self.devnet.fault(kind="slow", method="GET", path=f"*{second}*", bytes_per_second=100000, count=1)
        job = self.devnet.post(["report_inputs"], domain=domain, inputs_cids=[first, second])
        self.node.log.wait(f"materialised input {first}", "stored")
        self.kill_stored()
        shown = self.devnet.wait_job(job)
        self.assert_completed(shown)
        (event,) = shown["tasks"][0]["events"]
        self.assertEqual([entry["path"].rpartition("datasets/")[2] for entry in event["inputs"]],
                         ["first/first.bin", "second/second.bin"])
        self.assertEqual(set(event["sha256"].values()), {hashlib.sha256(data).hexdigest()})
        self.assertEqual(len(self.devnet.requests(f"*{domain}/data?ids={first}*", method="GET")), 1)

    def test_a_job_that_is_cancelled_while_stored_is_down_leaves_no_upload(self):
        job, domain = self.begin_upload(400)
        self.wait_for_parts(domain, 4)
        os.kill(self.node.pid("stored"), signal.SIGKILL)
        self.devnet.cancel(job)
        programs.wait_until(lambda: self.uploads(domain) == ["aborted"], "the upload is aborted")
        self.node.wait_for_no_workspace()

    def test_sessions_of_a_leased_that_is_gone_are_closed(self):
        job, domain = self.begin_upload(400)
        self.wait_for_parts(domain, 4)
        self.node.kill("leased")
        programs.wait_until(lambda: self.uploads(domain) == ["aborted"], "the upload is aborted")
        self.node.wait_for_no_workspace()
        self.devnet.cancel(job)


if __name__ == "__main__":
    unittest.main()
