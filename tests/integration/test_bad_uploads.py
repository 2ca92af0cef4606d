"""Uploads to a domain server that answers anything at all: named errors, nothing left at the server, values stay values."""
import json
import unittest

from programs import wait_until
from scripted_server import PART_BYTES, answer, unquoted
from stored_alone import LARGE, NASTY, NO_RETRY, SOON_SECS, STATUSES, UPLOADS, StoredCase


class Uploads(StoredCase):
    def reset(self, **answers):
        self.server.forget()
        self.server.answers = {**self.server.NOTHING_YET, **answers}

    def assert_aborted(self, upload_id="upload"):
        (request,) = self.server.wait_asked("abort")
        self.assertEqual(unquoted(request.argument("uploadId")), upload_id)

    def test_statuses_have_names(self):
        for kind in UPLOADS:
            for status, code in STATUSES:
                # A server's way to say that it has no such data, no multipart, or no such upload any more.
                if (kind, status) in (("lookup", 404), ("begin", 404), ("begin", 501), ("part", 404), ("complete", 404)):
                    continue
                with self.subTest(kind=kind, status=status):
                    self.reset(**{kind: answer(status, b"reason", headers=[NO_RETRY])})
                    # 413 asks for multipart, which this one has not either.
                    if status == 413 and kind in ("create", "update"):
                        self.server.answers["begin"] = answer(404)
                    lease = {"lease_secs": SOON_SECS} if status == 401 else {}
                    self.assert_fails(self.open(**lease).upload(kind), code, status)
                    if kind in ("part", "complete"):
                        self.assert_aborted()
                    else:
                        self.assertEqual(self.server.asked("abort"), [])

    def test_a_server_that_forgets_every_upload_is_asked_twice(self):
        for kind in ("part", "complete"):
            with self.subTest(kind=kind):
                self.reset(**{kind: answer(404, headers=[NO_RETRY])})
                self.assert_fails(self.open().upload(kind), "not_found", 404)
                self.assertEqual(len(self.server.asked("begin")), 2)
                wait_until(lambda: len(self.server.asked("abort")) == 2, "both uploads are aborted")

    def test_a_server_without_multipart_gets_the_small_form(self):
        for status in (404, 405, 501):
            self.reset(begin=answer(status, headers=[NO_RETRY]))
            self.assert_stored(self.open().upload("begin"), "made")
            self.assertEqual([request.kind for request in self.server.requests], ["lookup", "begin", "create"])

    def test_answers_cut_at_any_byte_are_asked_for_again(self):
        bodies = {"lookup": {"data": []}, "create": {"data": [{"id": "made"}]}, "update": {"data": [{"id": "updated"}]},
                  "begin": {"upload_id": "upload", "part_size": 1000}, "part": {"etag": "tag"}, "complete": {"id": "completed"}}
        for kind, data in UPLOADS.items():
            whole, until_close = (answer(body=bodies[kind], framing=framing) for framing in ("length", "close"))
            body_begins = until_close.index(b"\r\n\r\n") + 4
            # Without a length an answer that has no body at all may be meant so.
            cut = [whole[:end] for end in range(len(whole))]
            cut += [until_close[:end] for end in range(body_begins + 1, len(until_close))]
            count, left = len(cut), list(cut)
            with self.subTest(kind):
                self.reset(**{kind: lambda request, left=left, whole=whole: left.pop() if left else whole})
                session = self.open()
                fields = {"id": "known"} if kind == "update" else {}
                data_id = "updated" if kind == "update" else "made" if data != LARGE else "completed"
                for given in session.puts([f"{number}.bin" for number in range(count)], data, **fields):
                    self.assert_stored(given, data_id)
                self.assertEqual(left, [])
                asked = count * (4 if kind == "part" else 2)
                self.assertEqual(len(self.server.asked(kind)), asked)
                self.assertEqual(self.server.asked("abort"), [])
                session.close()

    def test_answers_that_are_no_answer(self):
        nothing = [b"null", b"[]", b"{]", b"nonsense", b'{"data":"x"}', b'{"id":"\xff"}', b"[" * 100000]
        no_id = [b'{"id":"a\\u0000b"}', b'{"id":"\\ud800"}', b'{"data":[{"id":7}]}', b'{"id":"%s"}' % (b"i" * 257)]
        bodies = {"lookup": [b""], "create": [b"", b"{}", *no_id], "update": no_id, "complete": [b"", b"{}", *no_id],
                  "begin": [b"", b"{}", b'{"upload_id":["u"],"part_size":5}'],
                  "part": [b"", b"{}", b'{"etag":""}', b'{"etag":{}}', b'{"etag":"a\\u0000b"}', b'{"etag":"%s"}' % (b"e" * 257)]}
        for kind in UPLOADS:
            for body in nothing + bodies[kind]:
                with self.subTest(kind=kind, body=body[:40]):
                    self.reset(**{kind: answer(body=body)})
                    given = self.open().upload(kind)
                    self.assert_fails(given, "too_large" if len(body) in range(250, 300) else "invalid")
                    self.assertEqual(len(self.server.asked("create", "update", "begin", "complete")) > 1, kind == "complete")
                    if kind in ("part", "complete"):
                        self.assert_aborted()

    def test_etags_go_back_as_they_came(self):
        for etag in ['"quoted"', 'W/"weak"', *NASTY, "\\", "\\\\n", "\u0001\b\f", "\U0001f600", "x" * 256]:
            for text in {json.dumps(etag), json.dumps(etag, ensure_ascii=False)}:
                with self.subTest(etag=text):
                    self.reset(part=answer(body=b'{"etag": %s, "more": [1]}' % text.encode()))
                    self.assert_stored(self.open().upload("part"), "completed")
                    (completion,) = self.server.asked("complete")
                    self.assertEqual(json.loads(completion.body),
                                     {"parts": [{"part_number": number, "etag": etag} for number in (1, 2, 3)]})

    def test_upload_ids_are_one_value_of_the_query(self):
        for upload_id in [*NASTY, "x" * 1024]:
            with self.subTest(upload_id=upload_id[:20]):
                begun = answer(body={"upload_id": upload_id, "part_size": PART_BYTES})
                self.reset(begin=begun)
                self.assert_stored(self.open().upload("part"), "completed")
                self.reset(begin=begun, part=answer(400))
                self.assert_fails(self.open().upload("part"), "bad_request", 400)
                self.assert_aborted(upload_id)
                for request in self.server.asked("part", "complete", "abort"):
                    self.assertRegex(request.query, r"\AuploadId=[A-Za-z0-9%._~-]+(&partNumber=\d+)?\Z")
                    self.assertEqual(unquoted(request.argument("uploadId")), upload_id)
        for upload_id, code in ((None, "invalid"), ("", "invalid"), (" ", "invalid"), (7, "invalid"), ("x" * 1025, "too_large")):
            with self.subTest(upload_id=str(upload_id)[:20]):
                self.reset(begin=answer(body={"upload_id": upload_id, "part_size": PART_BYTES}))
                self.assert_fails(self.open().upload("part"), code, text="upload_id")
                self.assertEqual(self.server.asked("part", "complete"), [])

    def test_sizes_of_parts(self):
        for part_size, code in (("0", "invalid"), ("-1", "invalid"), ("-9223372036854775808", "invalid"), ("1.5", "invalid"),
                                ("1e3", "invalid"), ("10000000000000000000", "invalid"), ('"1000"', "invalid"), ("null", "invalid"),
                                ("[]", "invalid"), ("true", "invalid"), (None, "invalid")):
            with self.subTest(part_size=part_size):
                size = b"" if part_size is None else b', "part_size": %s' % part_size.encode()
                self.reset(begin=answer(body=b'{"upload_id": "up&load"%s}' % size))
                self.assert_fails(self.open().upload("part"), code, text="part_size")
                self.assertEqual(self.server.asked("part", "complete"), [])
                self.assert_aborted("up&load")
        for part_size in (10**18, len(LARGE), 2**63 - 1):
            with self.subTest(part_size=part_size):
                self.reset(begin=answer(body={"upload_id": "upload", "part_size": part_size}))
                self.assert_stored(self.open().upload("part"), "completed")
                self.assertEqual([request.body for request in self.server.asked("part")], [LARGE])

    def test_too_many_parts_are_refused(self):
        self.reset(begin=answer(body={"upload_id": "upload", "part_size": 1}))
        session = self.open()
        self.assert_fails(session.put(data=b"x" * 100001), "too_large", text="parts")
        self.assert_aborted()

    def test_ids_from_the_server_are_only_ever_values(self):
        for data_id in [*NASTY, "x" * 256]:
            with self.subTest(data_id=data_id[:20]):
                self.reset(create=answer(body={"data": [{"id": data_id}]}), update=answer())
                session = self.open()
                self.assert_stored(session.put(), data_id)
                self.assert_stored(session.put(), data_id)
                (update,) = self.server.asked("update")
                quoted = data_id.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
                self.assertIn(f'\r\nContent-Disposition: form-data; id="{quoted}"\r\n\r\n'.encode(), update.body)
                self.assertEqual((update.path, update.query), ("/api/v1/domains/domain/data", ""))
                (listed,) = self.stored.session("session_artifacts", task_key=session.key)["artifacts"]
                self.assertEqual(listed["id"], data_id)
                session.close()

    def test_limits_that_are_nonsense_count_as_unknown(self):
        for info in ({"upload": {"request_max_bytes": "x"}}, {"upload": []}, [], {"upload": {"request_max_bytes": 10**30}},
                     {"upload": {"request_max_bytes": -5, "multipart": {"enabled": True}}}):
            with self.subTest(info=info):
                self.server = self.serve(info=answer(body=info))
                self.assert_stored(self.open().upload("create"), "made")
                self.assertEqual(self.server.asked("begin"), [])


if __name__ == "__main__":
    unittest.main()
