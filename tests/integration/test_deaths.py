"""A request that ends stored again and again is refused in the end, with its task; an ordinary death counts for nothing."""
import os
import signal
import unittest

from harness import NodeCase
from scripted_server import answer, data_answer
from stored_alone import LARGE, StoredCase
from test_restart_alone import Held
from test_session_end import Asking

CRASHED = "crashed 3 times"


class Deaths(StoredCase):
    variables = {"LOG_LEVEL": "debug"}  # which tells of each request that has come

    def tearDown(self):
        self.stored.settings.pop("POSEMESH_LAST_DEATH", None)
        super().tearDown()

    def hold(self, kind, given):
        held = Held(given)
        self.addCleanup(held.let_go)
        self.server.answers[kind] = held
        return held

    def die_with(self, session, operation, ask, how="SEGV"):
        """stored ends with the request in hand, for which the server keeps it waiting."""
        self.stored.log.begin_test()
        asking = Asking(self.ask_in_vain, ask)
        self.stored.log.wait(f"request {operation}{{")
        session.update_token()  # what came before it is in hand by its answer
        self.stored.kill()
        asking.join()
        self.stored.settings["POSEMESH_LAST_DEATH"] = how or ""
        self.stored.start()
        session.update_token()

    @staticmethod
    def ask_in_vain(ask):
        try:
            ask()
        except (AssertionError, OSError):
            pass  # the connection is closed

    def test_an_output_is_refused_after_three_crashes_and_no_other(self):
        session = self.open()
        session.write("out.bin", LARGE)
        held = self.hold("part", answer(body={"etag": "tag"}))
        for _ in range(3):
            self.die_with(session, "artifact_put", session.put_file)
        self.assert_fails(session.put_file(), "system", text=CRASHED)
        held.let_go()
        self.assert_stored(session.put("other.bin", LARGE), "completed")
        other = self.open()
        self.assert_stored(other.put("out.bin", LARGE), "completed")

    def test_an_input_is_refused_and_not_fetched_by_the_start(self):
        session = self.open()
        held = self.hold("input", data_answer(("size=5", b"hello")))
        for _ in range(3):
            self.die_with(session, "input_materialize", lambda: session.input("bad"))
        begun = self.server.connections
        self.assert_fails(session.input("bad"), "system", text=CRASHED)
        self.assertEqual(self.server.connections, begun)
        held.let_go()
        self.assertEqual(session.read(session.input("good")["path"]), b"hello")

    def test_what_is_answered_in_between_is_counted_anew(self):
        session = self.open()
        session.write("out.bin", LARGE)
        held = self.hold("part", answer(body={"etag": "tag"}))
        for _ in range(2):
            self.die_with(session, "artifact_put", session.put_file)
        held.let_go()
        self.assert_stored(session.put_file(), "completed")
        session.write("out.bin", LARGE[::-1])
        held = self.hold("part", answer(body={"etag": "tag"}))
        for _ in range(2):
            self.die_with(session, "artifact_put", session.put_file)
        held.let_go()
        self.assert_stored(session.put_file(), "completed")

    def test_other_ends_count_for_nothing(self):
        session = self.open()
        session.write("out.bin", LARGE)
        held = self.hold("part", answer(body={"etag": "tag"}))
        for _ in range(4):
            self.die_with(session, "artifact_put", session.put_file, how=None)
        held.let_go()
        self.assert_stored(session.put_file(), "completed")


class WholeNode(NodeCase):
    def test_the_task_fails_and_the_node_works_on(self):
        self.devnet.fault(kind="latency", method="PUT", path="*partNumber=1*", count=-1, latency_ms=20000)
        mark = self.node.log.mark()
        job = self.devnet.post(["write", "large.bin", 150000])
        # Before that an upload may have begun at the server of which nobody knows.
        self.node.log.wait("part 2 of 5 is up", "stored", since=mark)
        for _ in range(3):
            self.node.log.wait("request artifact_put{", "stored", since=mark)
            self.node.health("stored")  # what came before it is in hand by its answer
            mark = self.node.log.mark()
            os.kill(self.node.pid("stored"), signal.SIGSYS)
            self.node.log.wait("started: version", "stored", since=mark)
        shown = self.devnet.wait_job(job)
        self.assertEqual(shown["status"], "failed", shown)
        self.assertIn(CRASHED, shown["tasks"][0]["fail_reason"])
        self.devnet.admin("DELETE", "/faults")
        self.assert_node_works()


if __name__ == "__main__":
    unittest.main()
