"""Nodes of the three registration flows side by side on one network (docs/network.md 1)."""
import unittest

from harness import NodeCase

TASKS = 50
WALLET = {"REGISTRATION_FLOW": "wallet", "NODE_URL": ""}
ROBOT = {"REGISTRATION_FLOW": "robot", "NODE_URL": "", "REG_SECRET": "", "SECP256K1_PRIVHEX": ""}


class ThreeFlows(NodeCase):
    variables = None

    def test_each_task_is_done_once(self):
        nodes = [self.own_node(**flow) for flow in ({}, WALLET, ROBOT)]
        shown = self.devnet.run(["write", "out.json", 10], tasks=TASKS)
        self.assertEqual(shown["status"], "completed")
        for task in shown["tasks"]:
            self.assertEqual((task["status"], task["attempts"]), ("completed", 1))
            self.assertEqual(self.devnet.reports(task["id"]), [("complete", 200)])
        done = [sum("completed with" in line["msg"] for line in node.log.lines) for node in nodes]
        self.assertEqual(sum(done), TASKS)
        self.assertTrue(all(done), f"tasks of the callback, the wallet and the robot node: {done}")
        print(f"# tasks of the callback, the wallet and the robot node: {done}", flush=True)


if __name__ == "__main__":
    unittest.main()
