"""Runner hosts beside the node's own."""
import json
import os
import subprocess
import unittest

import programs
from harness import NodeCase

SECOND = "/test/second/v1"


def identity_of(pid):
    """What Popen needs to start a process as the user that another one is."""
    with open(f"/proc/{pid}/status") as file:
        rows = dict(line.split(":", 1) for line in file)
    if os.geteuid() != 0:
        return {}
    return {"user": int(rows["Uid"].split()[1]), "group": int(rows["Gid"].split()[1]),
            "extra_groups": [int(group) for group in rows["Groups"].split()]}


class RunnerHosts(NodeCase):
    def start_host(self, name):
        """A posemesh-runnerd with a capability of its own, beside the node's."""
        folder = os.path.join(self.node.folder, name)
        runners, runtime = os.path.join(folder, "runners"), os.path.join(folder, "run")
        os.mkdir(folder)
        os.mkdir(runners)
        os.mkdir(runtime)
        for service in ("leased", "stored"):
            os.symlink(os.path.join(self.node.runtime, service), os.path.join(runtime, service))
        command = ["/usr/bin/python3", "-B", os.path.join(self.node.runners, "scripted_job.py")]
        with open(os.path.join(runners, "second.json"), "w") as file:
            json.dump({"capability": SECOND, "command": command, "env": {"TEST_GATES": self.node.gates}}, file)
        identity = identity_of(self.node.pid("runnerd"))
        if identity:
            os.chown(runtime, identity["user"], identity["group"])
        host = subprocess.Popen([programs.program("runnerd")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, cwd="/", **identity,
                                env={**programs.base_environment(), "POSEMESH_HOST_NAME": name, "POSEMESH_WORK_DIR": self.node.work,
                                     "POSEMESH_RUNTIME_DIR": runtime, "POSEMESH_RUNNERS_DIR": runners})
        self.addCleanup(self.end_host, host)
        programs.Log(host.stderr)
        return runtime

    def end_host(self, host):
        host.terminate()
        self.assertEqual(host.wait(programs.PATIENCE_SECS), 0)

    def test_hosts_of_different_names_live_side_by_side(self):
        gate = self.node.gate()
        first = self.devnet.post(["say", {"event": "ready"}], ["gate", gate.name], ["write", "a.json", 5])
        self.devnet.wait_event(first, "ready")
        runtime = self.start_host("second")
        self.node.log.wait("runner host second connected", "leased")
        self.assert_completed(self.devnet.run(["write", "b.json", 5], capability=SECOND))
        self.assert_node_works()
        gate.open()
        self.assert_completed(self.devnet.wait_job(first))
        status, output, _ = programs.run([programs.program("runnerd"), "--health"], {"POSEMESH_RUNTIME_DIR": runtime})
        self.assertEqual(status, 0, output)
        self.assertIn("runnerd: ready: 1 capability", output)


if __name__ == "__main__":
    unittest.main()
