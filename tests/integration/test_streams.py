"""Artifacts that go up while a job still writes them."""
import hashlib
import os
import shutil
import unittest
import uuid

import programs
from harness import HERE, NodeCase
from scripted_content import content

STREAM, PART_BYTES = "/test/stream/v1", 32768
SIZE = 4 * PART_BYTES - 100


class Streams(NodeCase):
    variables = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node = cls.make_node()
        cls.addClassCleanup(cls.node.check_end)
        for name in ("stream_job.py", "runner_client.py"):
            shutil.copy(os.path.join(HERE, name), cls.node.runners)
        cls.node.install_runner("stream", STREAM, ["/usr/bin/python3", "-B", "./stream_job.py"], env={
            "TEST_STORED_SOCKET": os.path.join(cls.node.runtime, "stored/runner/sock"), "TEST_GATES": cls.node.gates})
        cls.node.start()

    def setUp(self):
        super().setUp()
        self.nodes.append(self.node)
        self.node.log.begin_test()
        self.domain = str(uuid.uuid4())

    def post(self, *steps):
        return self.devnet.post(*steps, capability=STREAM, domain=self.domain)

    def run_steps(self, *steps):
        return self.devnet.wait_job(self.post(*steps))

    def parts(self):
        return [row["path"].rpartition("partNumber=")[2]
                for row in self.devnet.requests(f"*{self.domain}/data/multipart*partNumber=*", method="PUT")]

    def uploads(self):
        return [row["state"] for row in self.devnet.admin("GET", "/uploads")["uploads"] if row["domain_id"] == self.domain]

    def answers(self, shown):
        return [event for event in shown["tasks"][0]["events"] if "call" in event]

    def assert_stored(self, shown, name, size, stored_by):
        self.assert_completed(shown)
        row = self.devnet.stored(shown)["jobs/42/" + name]
        self.assertEqual((row["stored_by"], row["size"], row["sha256"]),
                         (stored_by, size, hashlib.sha256(content(name, size)).hexdigest()))

    def test_the_first_part_is_stored_before_the_last_is_written(self):
        gate = self.node.gate()
        job = self.post(["append", "s.bin", PART_BYTES + 10, SIZE], ["open", "s.bin"], ["grow", "s.bin", PART_BYTES + 10],
                        ["gate", gate.name], ["append", "s.bin", SIZE, SIZE], ["finish", "s.bin", SIZE])
        programs.wait_until(lambda: self.parts() == ["1"], "part 1 is at the server")
        (task,) = [name for name in os.listdir(self.node.work) if not name.startswith(".")]
        self.assertEqual(os.path.getsize(os.path.join(self.node.work, task, "outputs/s.bin")), PART_BYTES + 10)
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assert_stored(shown, "s.bin", SIZE, "multipart")
        self.assertEqual(sorted(self.parts()), ["1", "2", "3", "4"])
        finished = self.answers(shown)[-1]
        self.assertEqual(finished["answer"]["logical_path"], "jobs/42/s.bin")
        # The outputs folder is uploaded at a job's end, too: what is stored as it is, is not sent again.
        self.assertEqual(self.uploads(), ["completed"])

    def test_a_stream_of_nothing_is_a_small_artifact(self):
        shown = self.run_steps(["append", "empty.bin", 0, 0], ["open", "empty.bin"], ["finish", "empty.bin", 0])
        self.assert_stored(shown, "empty.bin", 0, "small")

    def test_a_server_without_multipart_gets_it_at_its_end(self):
        self.devnet.settings(multipart=False)
        shown = self.run_steps(["append", "s.bin", 2 * PART_BYTES, SIZE], ["open", "s.bin"], ["grow", "s.bin", 2 * PART_BYTES],
                               ["append", "s.bin", SIZE, SIZE], ["finish", "s.bin", SIZE])
        self.assert_stored(shown, "s.bin", SIZE, "small")

    def test_a_job_that_forgets_to_finish(self):
        shown = self.run_steps(["append", "s.bin", SIZE, SIZE], ["open", "s.bin"], ["grow", "s.bin", PART_BYTES])
        self.assert_stored(shown, "s.bin", SIZE, "multipart")
        self.assertEqual(self.uploads(), ["completed"])

    def test_repeats_change_nothing(self):
        shown = self.run_steps(["append", "s.bin", SIZE, SIZE], ["open", "s.bin"], ["open", "s.bin"],
                               ["grow", "s.bin", 2 * PART_BYTES], ["grow", "s.bin", PART_BYTES], ["finish", "s.bin", SIZE],
                               ["finish", "s.bin", SIZE])
        self.assert_stored(shown, "s.bin", SIZE, "multipart")
        answers = self.answers(shown)
        self.assertEqual([answer for answer in answers if "failure" in answer], [])
        self.assertEqual(answers[-1], answers[-2])
        self.assertEqual(self.uploads(), ["completed"])

    def test_what_the_file_does_not_have_cannot_be_announced(self):
        shown = self.run_steps(["append", "s.bin", 100, SIZE], ["open", "s.bin"], ["grow", "s.bin", 101], ["grow", "s.bin", -1],
                               ["finish", "s.bin", 99], ["append", "s.bin", SIZE, SIZE], ["finish", "s.bin", SIZE])
        self.assertEqual([answer.get("failure") for answer in self.answers(shown)],
                         [None, "invalid", "invalid", "invalid", None])
        self.assert_stored(shown, "s.bin", SIZE, "multipart")

    def test_a_task_has_so_many_open_streams_and_no_more(self):
        limit, names = 32, [f"{number}.bin" for number in range(33)]
        shown = self.run_steps(*[["append", name, 10, 10] for name in names], *[["open", name] for name in names],
                               ["finish", names[0], 10], ["open", names[limit]])
        self.assertEqual([answer.get("failure") for answer in self.answers(shown)], [None] * limit + ["unavailable", None, None])
        for name in names:
            self.assert_stored(shown, name, 10, "multipart")

    def test_only_files_of_the_workspace_can_be_opened(self):
        paths = ["outputs/none", "../x", "/etc/passwd", "link", "pipe", "outputs"]
        shown = self.run_steps(["link", "link", "/etc/passwd"], ["pipe", "pipe"], *[["open", "x", path] for path in paths],
                               ["grow", "x", 1], ["finish", "never-opened", 1])
        self.assertEqual([answer["failure"] for answer in self.answers(shown)],
                         ["not_found", "invalid", "invalid", "invalid", "invalid", "invalid", "not_found", "not_found"])

    def test_a_failure_is_the_answer_to_the_next_call(self):
        gate = self.node.gate()
        self.devnet.fault(kind="status", method="PUT", path=f"*{self.domain}*partNumber=1*", status=400, count=1)
        job = self.post(["append", "s.bin", PART_BYTES, SIZE], ["open", "s.bin"], ["grow", "s.bin", PART_BYTES],
                        ["gate", gate.name], ["append", "s.bin", SIZE, SIZE], ["grow", "s.bin", SIZE], ["finish", "s.bin", SIZE])
        programs.wait_until(lambda: self.uploads() == ["aborted"], "the upload is aborted")
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assertEqual([answer.get("failure") for answer in self.answers(shown)], [None, None, "bad_request", "bad_request"])
        self.assert_stored(shown, "s.bin", SIZE, "multipart")  # by the end of the job

    def test_a_cancelled_job_leaves_no_upload_open(self):
        gate = self.node.gate()
        job = self.post(["append", "s.bin", PART_BYTES, SIZE], ["open", "s.bin"], ["grow", "s.bin", PART_BYTES],
                        ["gate", gate.name])
        programs.wait_until(lambda: self.parts() == ["1"], "part 1 is at the server")
        self.devnet.cancel(job)
        programs.wait_until(lambda: self.uploads() == ["aborted"], "the upload is aborted")

    def test_a_stream_outlives_a_restart_of_stored(self):
        gate = self.node.gate()
        job = self.post(["append", "s.bin", 2 * PART_BYTES, SIZE], ["open", "s.bin"], ["grow", "s.bin", 2 * PART_BYTES],
                        ["gate", gate.name], ["append", "s.bin", SIZE, SIZE], ["grow", "s.bin", SIZE], ["finish", "s.bin", SIZE])
        programs.wait_until(lambda: sorted(self.parts()) == ["1", "2"], "two parts are at the server")
        for part in ("part 1 of", "part 2 of"):
            self.node.log.wait(part, "stored")
        mark = self.node.kill("stored")
        self.node.log.wait("session restored", "stored", since=mark)
        gate.open()
        shown = self.devnet.wait_job(job)
        self.assert_stored(shown, "s.bin", SIZE, "multipart")
        self.assertEqual(sorted(self.parts()), ["1", "2", "3", "4"])
        self.assertEqual(self.uploads(), ["completed"])


if __name__ == "__main__":
    unittest.main()
