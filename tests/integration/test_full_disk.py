"""A task that fills the disk fails alone, and leaves the space that it took."""
import os
import subprocess
import unittest
import uuid

from harness import NodeCase

DISK_BYTES = 3 << 20


@unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small file system")
class FullDisk(NodeCase):
    variables = None

    def setUp(self):
        super().setUp()
        self.small = self.make_node()
        os.mkdir(self.small.work)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0755", "posemesh-test", self.small.work], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.small.work], check=True)
        self.addCleanup(self.small.check_end)
        self.small.start()

    def failure_of(self, shown):
        self.assertEqual(shown["status"], "failed", shown)
        return shown["tasks"][0]["fail_reason"]

    def test_by_an_input(self):
        domain = str(uuid.uuid4())
        large = self.devnet.store(domain, "large", "bin", os.urandom(2 * DISK_BYTES))
        small = self.devnet.store(domain, "small", "bin", b"fits")
        self.assertIn("disk_full", self.failure_of(self.devnet.run(["report_inputs"], domain=domain, inputs_cids=[large])))
        self.assert_completed(self.devnet.run(["report_inputs"], domain=domain, inputs_cids=[small]))
        self.small.wait_for_no_workspace()

    def test_by_the_job_itself(self):
        self.failure_of(self.devnet.run(["write", "large.bin", 2 * DISK_BYTES]))
        self.assert_completed(self.devnet.run(["write", "small.bin", 1000]))


if __name__ == "__main__":
    unittest.main()
