"""stored alone, when a task is over: what leased hears before it reports, and sessions that nobody ends."""
import os
import signal
import threading
import time
import unittest

import programs
from scripted_server import answer
from stored_alone import LARGE, StoredCase
from test_restart_alone import Held

WAIT_SECS = 5
GAVE_UP = "has not answered yet to the end of uploads"


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
        """It has no answer before the held one is given, and then one because it is."""
        asking.join(0.3)
        self.assertTrue(asking.is_alive(), "answered before the server was")
        held.let_go()
        self.assertEqual(asking.answer()["message"], "artifacts")
        self.assertEqual(self.stored.log.find_all(GAVE_UP), [], "answered as five seconds had gone by")

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
        self.stored.log.wait(GAVE_UP)

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


class Expired(StoredCase):
    """A lease's end lies nearly an hour back, so that the hour is over soon."""
    HOUR_SECS = 3600

    def assert_ends(self, session):
        programs.wait_until(lambda: not os.path.exists(session.folder), "the workspace is removed")
        given = self.stored.session("session_artifacts", task_key=session.key)
        self.assertEqual((given["message"], given.get("code")), ("failure", "not_found"), given)
        programs.wait_until(lambda: session.task_id not in "".join(os.listdir(self.stored.work)),
                            "what was renamed for its removal is gone, too")
    def test_a_session_ends_by_itself_an_hour_after_its_lease(self):
        self.stored.log.begin_test()
        session, other = self.open(lease_secs=1 - self.HOUR_SECS), self.open(lease_secs=30 - self.HOUR_SECS)
        endless = self.open()
        self.assertTrue(os.path.exists(session.folder))
        self.assert_ends(session)
        self.stored.log.wait("the lease ended an hour ago")
        self.assertEqual((other.artifacts(), endless.artifacts()), ([], []))

    def test_heartbeats_move_the_end(self):
        session, other = self.open(lease_secs=1 - self.HOUR_SECS), self.open(lease_secs=1 - self.HOUR_SECS)
        self.assertEqual(session.update_lease(60 - self.HOUR_SECS)["message"], "done")
        self.assert_ends(other)
        self.assertEqual(session.artifacts(), [])
        session.update_lease(0.5 - self.HOUR_SECS)
        self.assert_ends(session)

    def test_one_that_got_its_end_later_ends_too(self):
        session = self.open()
        session.update_lease(1 - self.HOUR_SECS)
        self.assert_ends(session)

    def test_a_restart_counts_anew_until_the_end_is_known_again(self):
        session, endless = self.open(lease_secs=1 - self.HOUR_SECS), self.open()
        later = self.open()
        later.update_lease(1 - self.HOUR_SECS)
        self.stored.restart()
        time.sleep(1.5)
        self.assertEqual([one.artifacts() for one in (session, endless, later)], [[], [], []])
        for one in (session, later):
            one.update_lease(-self.HOUR_SECS)
            self.assert_ends(one)
        self.assertEqual(endless.artifacts(), [])


class Stopped(StoredCase):
    FILES = 20000

    def fill(self, session):
        folder = os.path.join(session.folder, "outputs", "many")
        os.mkdir(folder)
        for number in range(self.FILES):
            os.close(os.open(os.path.join(folder, str(number)), os.O_CREAT | os.O_WRONLY))

    def test_what_a_stop_leaves_of_a_large_removal_goes_at_the_start(self):
        session = self.open()
        self.fill(session)
        closing = Asking(self.close_in_vain, session)
        programs.wait_until(lambda: not os.path.exists(session.folder), "the removal has begun")
        self.stored.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.stored.process.wait(programs.PATIENCE_SECS), 0)
        self.stored.kill()
        closing.join()
        self.stored.start()
        programs.wait_until(lambda: os.listdir(self.stored.work) == [], "the rest is removed")

    def close_in_vain(self, session):
        try:
            session.close()
        except (AssertionError, OSError):
            session.open = False  # the connection is closed


if __name__ == "__main__":
    unittest.main()
