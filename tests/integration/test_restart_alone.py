"""stored alone, killed at a moment of our choice: what the next one knows, sends again, and does not."""
import os
import sqlite3
import threading
import unittest

import programs
from scripted_server import PART_BYTES, answer
from stored_alone import LARGE, StoredCase

OLD, NEW = LARGE, LARGE[::-1]
PARTS = -(-len(LARGE) // PART_BYTES)
LONG_AGO = (1700000000, 1700000000)


class Held:
    """An answer that the server holds back until it is told to give it."""

    def __init__(self, given):
        self.given, self._open = given, threading.Event()

    def __call__(self, request):
        self._open.wait(programs.PATIENCE_SECS)
        return self.given

    def let_go(self):
        self._open.set()


class Restarts(StoredCase):
    variables = {"LOG_LEVEL": "debug"}  # which tells of each request that has come

    def hold(self, kind, given):
        held = Held(given)
        self.addCleanup(held.let_go)
        self.server.answers[kind] = held
        return held

    def put_and_kill(self, session, kind, **fields):
        """A put that waits at the server's answer to this kind of request when stored is killed."""
        held = self.hold(kind, answer())
        waiting = threading.Thread(target=self.ask_in_vain, args=(session,), kwargs=fields)
        waiting.start()
        at_once = PARTS if kind == "part" else 1
        programs.wait_until(lambda: len(self.server.asked(kind)) == at_once, f"{at_once} requests of the kind {kind}")
        self.stored.kill()
        waiting.join()
        held.let_go()
        self.server.wait_idle()
        self.server.forget()

    def ask_in_vain(self, session, **fields):
        try:
            session.put_file(**fields)
        except (AssertionError, OSError):
            pass  # the connection is closed: what asks asks again

    def bodies(self, kind):
        return b"".join(request.body for request in sorted(self.server.asked(kind), key=lambda one: one.target))

    def started_again(self, session):
        self.stored.start()
        self.assertEqual(session.update_token()["message"], "done")

    # --- uploads ---

    def test_parts_that_the_server_has_are_not_sent_again(self):
        session = self.open()
        session.write("out.bin", OLD)
        self.put_and_kill(session, "complete")
        self.server.answers["complete"] = answer(body={"id": "completed"})
        self.started_again(session)
        self.assert_stored(session.put_file(), "completed")
        self.assertEqual((len(self.server.asked("part")), len(self.server.asked("begin"))), (0, 0))
        self.assertTrue(all(request.headers["authorization"] == "Bearer " + session.token for request in self.server.requests))

    def test_an_update_is_never_taken_for_stored_by_a_guess(self):
        session = self.open()
        session.write("out.bin", NEW)
        self.put_and_kill(session, "complete", id="known")
        given = [answer(body={"id": "known"}), answer(404)]
        self.server.answers["complete"] = lambda request: given.pop()
        self.started_again(session)
        self.assert_stored(session.put_file(id="known"), "known")
        self.assertEqual(len(self.server.asked("begin")), 1)
        self.assertEqual(self.bodies("part"), NEW)

    def test_a_completed_upload_whose_answer_got_lost_is_found_by_its_name(self):
        session = self.open()
        session.write("out.bin", OLD)
        self.put_and_kill(session, "complete")
        self.server.answers["complete"] = answer(404)
        found = {"id": "there", "name": f"out_bin_{session.task_id}", "data_type": "bin_data"}
        self.server.answers["lookup"] = answer(body={"data": [found]})
        self.started_again(session)
        self.assert_stored(session.put_file(), "there")
        self.assertEqual(self.server.asked("begin", "part"), [])

    def test_an_upload_that_only_the_journal_knows_is_ended_with_its_session(self):
        session = self.open()
        session.write("out.bin", OLD)
        self.put_and_kill(session, "part")
        self.stored.start()
        session.close()
        (request,) = self.server.wait_asked("abort")
        self.assertEqual(request.headers["authorization"], "Bearer " + session.token)

    def test_another_file_under_the_name_of_what_was_under_way(self):
        session = self.open()
        session.write("out.bin", OLD)
        self.put_and_kill(session, "part")
        session.write("out.bin", NEW)
        self.server.answers["part"] = answer(body={"etag": "tag"})
        self.started_again(session)
        self.assert_fails(session.put_file(), "conflict", text="the file changed")
        self.assertEqual([request.kind for request in self.server.requests], ["abort"])
        self.assert_stored(session.put_file(), "completed")
        self.assertEqual(self.bodies("part"), NEW)

    def test_a_stream_under_another_name_than_what_was_under_way(self):
        session = self.open()
        session.write("out.bin", OLD)
        self.put_and_kill(session, "part")
        self.server.answers["part"] = answer(body={"etag": "tag"})
        self.started_again(session)
        wish = {"path": "outputs/out.bin", "rel_path": "out.bin", "name": "other"}
        self.assertEqual(session.ask("artifact_open", **wish)["message"], "done")
        self.server.wait_asked("abort")
        for length in (PART_BYTES, len(OLD)):
            self.assertEqual(session.ask("artifact_grow", rel_path="out.bin", length_bytes=length)["message"], "done")
        self.assert_stored(session.ask("artifact_finish", rel_path="out.bin", length_bytes=len(OLD)), "completed")
        self.assertEqual(len(self.server.asked("abort")), 1)
        self.assertEqual(self.bodies("part"), OLD)

    # --- what is stored as it is ---

    def test_an_untouched_file_is_not_sent_again_and_a_touched_one_is(self):
        session = self.open()
        path = session.write("out.bin", OLD)
        os.utime(path, LONG_AGO)
        self.assert_stored(session.put_file(), "completed")
        self.stored.kill()
        self.started_again(session)
        self.server.forget()
        self.assert_stored(session.put_file(), "completed")
        self.assertEqual(self.server.requests, [])
        with open(path, "r+b") as file:
            file.write(NEW)
        os.utime(path, LONG_AGO)
        self.assert_stored(session.put_file(), "completed")
        self.assertEqual(self.bodies("part"), NEW)

    def test_what_may_have_been_replaced_is_sent_again(self):
        session = self.open()
        for name, data in (("a", OLD), ("b", NEW)):
            os.utime(session.write(name, data), LONG_AGO)
        first, other = ({"path": "outputs/" + name, "rel_path": "out.bin"} for name in "ab")
        self.assert_stored(session.ask("artifact_put", **first), "completed")
        held = self.hold("complete", answer(400))
        waiting = threading.Thread(target=session.ask, args=("artifact_put",), kwargs=other)
        self.server.forget()
        waiting.start()
        self.server.wait_asked("complete")
        held.let_go()
        waiting.join()
        self.server.answers["complete"] = answer(body={"id": "completed"})
        self.server.forget()
        self.assert_stored(session.ask("artifact_put", **first), "completed")
        self.assertEqual(self.bodies("part"), OLD)

    # --- two files under one name ---

    def test_a_put_joins_one_of_the_same_file_and_no_other(self):
        session = self.open()
        for name, data in (("a", OLD), ("b", NEW)):
            session.write(name, data)
        held = self.hold("part", answer(body={"etag": "tag"}))
        answers = []
        same = {"path": "outputs/a", "rel_path": "out.bin"}
        waiting = [threading.Thread(target=lambda: answers.append(session.ask("artifact_put", **same))) for _ in range(2)]
        waiting[0].start()
        self.server.wait_asked("part")
        waiting[1].start()
        programs.wait_until(lambda: len(self.stored.log.find_all("request artifact_put{")) == 2, "both are with stored")
        self.assert_fails(session.ask("artifact_put", path="outputs/b", rel_path="out.bin"), "conflict")
        held.let_go()
        for thread in waiting:
            thread.join()
        for given in answers:
            self.assert_stored(given, "completed")
        self.assertEqual(len(self.server.asked("begin")), 1)

    def test_a_stream_is_of_one_file(self):
        session = self.open()
        for name in "ab":
            session.write(name, b"")
        wish = {"path": "outputs/a", "rel_path": "s"}
        self.assertEqual(session.ask("artifact_open", **wish)["message"], "done")
        self.assertEqual(session.ask("artifact_open", **wish)["message"], "done")
        self.assert_fails(session.ask("artifact_open", path="outputs/b", rel_path="s"), "conflict")
        self.assertEqual(self.server.requests, [], "nothing was written to it yet")

    def test_a_stream_s_failure_is_told_though_an_earlier_version_is_stored(self):
        session = self.open()
        session.write("s", OLD)
        self.assert_stored(session.put_file("s"), "completed")
        session.write("s", NEW)
        self.server.answers["part"] = answer(400)
        self.server.forget()
        self.assertEqual(session.ask("artifact_open", path="outputs/s", rel_path="s")["message"], "done")
        self.assertEqual(session.ask("artifact_grow", rel_path="s", length_bytes=len(NEW))["message"], "done")
        self.server.wait_asked("abort")
        self.assert_fails(session.ask("artifact_finish", rel_path="s", length_bytes=len(NEW)), "bad_request", 400)

    # --- sessions, and the journal itself ---

    def test_a_cancelled_session_keeps_what_is_stored_and_takes_nothing_new(self):
        session = self.open()
        session.write("out.bin", OLD)
        self.assert_stored(session.put_file(), "completed")
        self.stored.session("session_cancel", task_key=session.key)
        self.stored.restart()
        self.assertEqual(session.artifacts(), ["out.bin"])
        self.assert_fails(session.put_file(), "cancelled")

    def test_the_token_is_not_written(self):
        session = self.open()
        session.write("out.bin", OLD)
        self.put_and_kill(session, "part")
        for folder, _, names in os.walk(self.stored.state):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(session.token.encode(), file.read(), name)
        self.stored.start()

    def test_a_hole_of_a_million_gigabytes_is_refused(self):
        session = self.open()
        path = session.write("out.bin", b"")
        try:
            os.truncate(path, 2 ** 50 + 1)
        except OSError as error:
            self.skipTest(f"no such file here: {error.strerror}")
        self.assert_fails(session.put_file(), "too_large")
        self.assert_stored(session.put(), "made")

    def test_a_damaged_journal_is_replaced(self):
        self.stored.kill()
        folder = os.path.join(self.stored.state, "stored")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(b"no database " * 1000)
        self.stored.start()
        self.stored.log.wait("an empty one takes its place")

    def test_a_journal_of_a_newer_version_is_refused(self):
        self.stored.kill()
        path = os.path.join(self.stored.state, "stored/journal.sqlite")
        for version in (99, 1):
            with sqlite3.connect(path) as database:
                database.execute(f"PRAGMA user_version={version}")
            database.close()
            if version == 1:
                break
            status, _, errors = programs.run([programs.program("stored")], self.stored.settings)
            self.assertNotEqual(status, 0)
            self.assertIn("newer version", errors)
        self.stored.start()


if __name__ == "__main__":
    unittest.main()
