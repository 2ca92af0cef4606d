"""stored alone, when a task is over: what leased hears before it reports, and sessions that nobody ends."""
import threading
import time
import unittest

from scripted_server import answer
from stored_alone import LARGE, StoredCase
from test_restart_alone import Held

WAIT_SECS = 5


class Asking(threading.Thread):
    """A question that is answered later."""

    def __init__(self, ask, *arguments, **fields):
        super().__init__()
        self.given, self.took_secs = None, None
        self._ask = lambda: ask(*arguments, **fields)
        self.start()

    def run(self):
        began = time.monotonic()
        self.given = self._ask()
        self.took_secs = time.monotonic() - began

    def answer(self):
        self.join()
        return self.given


class Collected(StoredCase):
    def hold(self, kind, given):
        held = Held(given)
        self.addCleanup(held.let_go)
        self.server.answers[kind] = held
        return held

    def assert_waits(self, asking, held):
        """It has no answer before the held one is given, and one as soon as it is."""
        asking.join(0.3)
        self.assertTrue(asking.is_alive(), "answered before the server was")
        held.let_go()
        self.assertEqual(asking.answer()["message"], "artifacts")
        self.assertLess(asking.took_secs, WAIT_SECS - 1)

    def test_the_list_of_artifacts_waits_for_the_end_of_what_failed(self):
        session, held = self.open(), self.hold("abort", answer(204))
        self.server.answers["part"] = answer(400)
        self.assert_fails(session.put(data=LARGE), "bad_request", 400)
        self.server.wait_asked("abort")
        self.assert_waits(Asking(self.stored.session, "session_artifacts", task_key=session.key), held)

    def test_the_list_of_artifacts_ends_what_is_under_way(self):
        session, held = self.open(), self.hold("abort", answer(204))
        self.hold("part", answer(body={"etag": "tag"}))
        session.write("out.bin", LARGE)
        putting = Asking(session.put_file)
        self.server.wait_asked("part")
        asking = Asking(self.stored.session, "session_artifacts", task_key=session.key)
        self.server.wait_asked("abort")
        self.assert_fails(putting.answer(), "cancelled")
        self.assert_waits(asking, held)

    def test_a_server_that_does_not_end_uploads_is_waited_for_five_seconds(self):
        session = self.open()
        self.hold("abort", answer(204))
        self.server.answers["part"] = answer(400)
        self.assert_fails(session.put(data=LARGE), "bad_request", 400)
        self.server.wait_asked("abort")
        asking = Asking(self.stored.session, "session_artifacts", task_key=session.key)
        self.assertEqual(asking.answer()["artifacts"], [])
        self.assertGreater(asking.took_secs, WAIT_SECS - 0.5)
        self.assertLess(asking.took_secs, WAIT_SECS + 2)

    def test_another_task_s_uploads_are_not_waited_for(self):
        session, other = self.open(), self.open()
        self.hold("abort", answer(204))
        self.server.answers["part"] = answer(400)
        self.assert_fails(session.put(data=LARGE), "bad_request", 400)
        self.server.wait_asked("abort")
        self.assertEqual(other.artifacts(), [])

    def test_a_token_that_a_restart_lost_comes_with_the_question(self):
        session = self.open()
        self.hold("complete", answer(body={"id": "completed"}))
        session.write("out.bin", LARGE)
        putting = Asking(self.ask_in_vain, session)
        self.server.wait_asked("complete")
        self.stored.kill()
        putting.join()
        self.stored.start()
        given = self.stored.session("session_artifacts", task_key=session.key, access_token=session.token.encode())
        self.assertEqual(given["artifacts"], [])
        (request,) = self.server.asked("abort")
        self.assertEqual(request.headers["authorization"], "Bearer " + session.token)

    def ask_in_vain(self, session):
        try:
            session.put_file()
        except (AssertionError, OSError):
            pass  # the connection is closed


if __name__ == "__main__":
    unittest.main()
