"""Of inputs of one name the first that was asked for has the plain path, however the downloads finish."""
import threading
import unittest

import programs
from scripted_server import answer, data_answer
from stored_alone import StoredCase

NAMES = ["first", "second", "third", "fourth"]


class Order(StoredCase):
    """Each input is called x.bin; the server gives them in the order of the test's choice."""
    variables = {"LOG_LEVEL": "debug"}  # which tells of each request that has come

    def setUp(self):
        super().setUp()
        self.may_go = {name: threading.Event() for name in NAMES}
        for event in self.may_go.values():
            self.addCleanup(event.set)
        self.server.answers["input"] = self.give

    def give(self, request):
        name = request.argument("ids")
        self.may_go[name].wait(programs.PATIENCE_SECS)
        return data_answer(('name="x"; data-type="bin"', name.encode()))

    def ask(self, session, name):
        """In a thread, once the request of the one before has come."""
        asked = len(self.stored.log.find_all("request input_materialize{"))
        given = {}
        thread = threading.Thread(target=lambda: given.update(self.ask_or_not(session, name)))
        thread.start()
        programs.wait_until(lambda: len(self.stored.log.find_all("request input_materialize{")) > asked, f"{name} is asked for")
        return thread, given

    def ask_or_not(self, session, name):
        try:
            return session.ask("input_materialize", cid=name)
        except (AssertionError, OSError):
            return {}  # the connection is closed

    def assert_placed(self, session, asked, paths):
        for (thread, given), path in zip(asked, paths):
            thread.join()
            self.assertEqual(given.get("path"), path, given)
        for name, path in zip(NAMES, paths):
            if path:
                self.assertEqual(session.read(path), name.encode())

    def finish(self, names):
        """One after the other is whole: what the server has sent, stored has read soon after."""
        for name in names:
            before = self.server.sent_bytes
            self.may_go[name].set()
            programs.wait_until(lambda before=before: self.server.sent_bytes > before, f"{name} is sent")

    def test_the_last_to_come_was_the_first_asked_for(self):
        session = self.open()
        asked = [self.ask(session, name) for name in NAMES[:3]]
        self.finish(["third", "second"])
        asked[1][0].join(0.3)
        self.assertTrue(asked[1][0].is_alive(), "answered before the one that was asked for first")
        self.finish(["first"])
        self.assert_placed(session, asked, ["datasets/x/x.bin", "datasets/x/x-2.bin", "datasets/x/x-3.bin"])

    def test_one_that_fails_keeps_nobody_waiting(self):
        session = self.open()
        given = self.server.answers["input"]
        self.server.answers["input"] = lambda request: (given(request), answer(404))[1] if "first" in request.query else given(request)
        asked = [self.ask(session, name) for name in NAMES[:3]]
        self.finish(["third", "second", "first"])
        self.assert_placed(session, asked, [None, "datasets/x/x.bin", "datasets/x/x-2.bin"])

    def test_a_cancelled_session_places_nothing(self):
        session = self.open()
        asked = [self.ask(session, name) for name in NAMES[:3]]
        self.finish(["second"])
        self.stored.session("session_cancel", task_key=session.key)
        for thread, given in asked:
            thread.join()
            self.assert_fails(given, "cancelled")
        self.assertEqual(session.files(), [])

    def test_a_restart_keeps_the_order(self):
        session = self.open()
        asked = [self.ask(session, name) for name in NAMES[:3]]
        self.finish(["second"])
        self.stored.kill()
        for thread, _ in asked:
            thread.join()
        self.server.forget()
        self.stored.start()
        self.assertEqual(session.update_token()["message"], "done")
        asked = [self.ask(session, name) for name in ("third", "second")]
        self.finish(["third"])
        asked[0][0].join(0.3)
        self.assertTrue(asked[0][0].is_alive(), "answered before the one that was asked for first")
        asked.append(self.ask(session, "first"))
        self.finish(["first"])
        self.assert_placed(session, asked[::-1], ["datasets/x/x.bin", "datasets/x/x-2.bin", "datasets/x/x-3.bin"])
        self.assertEqual(len(self.server.asked("input")), 3)


if __name__ == "__main__":
    unittest.main()
