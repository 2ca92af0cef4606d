"""Domain tokens that live shorter than the upload of a part takes: each part goes up once, whatever the tokens do.

POSEMESH_SOAK=1 makes it 200 parts (two minutes and a half) instead of 12.
"""
import collections
import hashlib
import os
import re
import unittest
import uuid

from harness import NodeCase
from programs import PATIENCE_SECS
from scripted_content import content

PARTS = 200 if os.environ.get("POSEMESH_SOAK") == "1" else 12
PART_BYTES, PART_MS, AT_ONCE = 32768, 3000, 4


class TokenLife(NodeCase):
    # A token is judged when a request begins. The heartbeats of a lease of 60 s are rarer than a token runs out, so a new
    # one comes only because stored asks for it.
    options = ("--lease-ttl", "60", "--domain-token-ttl", "2", "--part-size", str(PART_BYTES))
    variables = {"HEARTBEAT_MIN_RATIO": "0.25", "HEARTBEAT_MAX_RATIO": "0.35", "UPLOAD_CONCURRENCY": str(AT_ONCE)}

    def wait_for_end(self, job):
        """As long as parts go up; a job whose parts have stopped is one that does not end."""
        seen = 0
        while (shown := self.devnet.job(job, 1000))["status"] == "open":
            rows = self.devnet.requests("/domain/*", since=seen, wait_ms=PATIENCE_SECS * 1000)
            self.assertTrue(rows, "no request for the domain server any more")
            seen = rows[-1]["seq"]
        return shown

    def parts_sent(self, domain):
        """{part number: statuses of its requests}."""
        sent = collections.defaultdict(list)
        for row in self.devnet.requests(f"*{domain}/*partNumber=*", method="PUT"):
            sent[int(re.search(r"partNumber=(\d+)", row["path"])[1])].append(row["status"])
        return sent

    def test_no_part_is_sent_again_after_it_was_taken(self):
        domain, size = str(uuid.uuid4()), PARTS * PART_BYTES - 1
        slow = {"kind": "latency", "method": "PUT", "path": "*partNumber=*", "latency_ms": PART_MS, "when": "after", "count": -1}
        # The first part takes longer, so that from then on new tokens come while parts are under way.
        self.devnet.admin("POST", "/faults", [{**slow, "path": "*partNumber=1", "latency_ms": PART_MS * 3 // 2}, slow])
        shown = self.wait_for_end(self.devnet.post(["write", "large.bin", size], domain=domain))
        self.assert_completed(shown)
        (row,) = self.devnet.stored(shown).values()
        self.assertEqual((row["parts"], row["sha256"]), (PARTS, hashlib.sha256(content("large.bin", size)).hexdigest()))
        sent = self.parts_sent(domain)
        self.assertEqual(sorted(sent), list(range(1, PARTS + 1)))
        for number, statuses in sent.items():
            self.assertEqual([status for status in statuses if status != 401], [200], f"part {number}: {statuses}")
        refusals = sum(statuses.count(401) for statuses in sent.values())
        print(f"# {PARTS} parts, {refusals} refusals of tokens that had run out", flush=True)
        self.assertGreater(refusals, 0, "no token ran out: nothing was tested")
        self.assertEqual(len(self.devnet.requests(f"*{domain}/data/multipart?uploads*")), 1)


if __name__ == "__main__":
    unittest.main()
