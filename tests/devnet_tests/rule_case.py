"""Mutation tests: every function marked @breaks(rule) sends requests that break just that rule."""
import subprocess
import unittest
import uuid

from client import Node
from network import PROGRAM, Devnet

BROKEN = {}  # rule -> how many mutations


def breaks(rule):
    def mark(function):
        BROKEN[rule] = BROKEN.get(rule, 0) + 1

        def test(self):
            answers = function(self)
            for answer in answers if isinstance(answers, list) else [answers]:
                self.assertEqual(answer.rule, rule, answer)
                self.assertEqual(answer.status, STATUSES[rule], answer)
            self.assertIn(rule, self.devnet.violations())
        test.__doc__ = function.__doc__
        test.rule, test.mutation = rule, function
        return test
    return mark


def rules():
    """{name: status} as the program lists them."""
    lines = subprocess.run([PROGRAM, "--rules"], check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: int(status) for name, status, _ in (line.split("\t") for line in lines)}


STATUSES = rules()


class RuleCase(unittest.TestCase):
    """One devnet for the class, a wallet and a capability for each test."""

    OPTIONS = ("--part-size", "1000", "--request-max-bytes", "5000", "--health-interval", "0")

    @classmethod
    def setUpClass(cls):
        cls.devnet = Devnet(*cls.OPTIONS)

    @classmethod
    def tearDownClass(cls):
        broken = cls.devnet.violations()
        status, output = cls.devnet.stop()
        assert status == (3 if broken else 0) and output.count("violation ") == len(broken), (status, output)

    def setUp(self):
        self.settings(race_grace_ms=0)
        self.devnet.admin("DELETE", "/violations")
        self.capability = f"/examples/{uuid.uuid4()}/v1"
        self.node = Node(self.devnet, [self.capability])
        self.addCleanup(self.node.stop)

    def settings(self, **changes):
        before = self.devnet.admin("GET", "/settings")
        self.addCleanup(lambda: self.devnet.settings(**{name: before[name] for name in changes}))
        self.devnet.settings(**changes)

    def leased(self, **fields):
        """A lease without its first heartbeat."""
        self.job = self.devnet.create_job(self.capability, **fields)
        if not self.node.token:
            self.node.join()
        return self.node.lease()

    def begun(self, **fields):
        return self.node.begin(self.leased(**fields))
