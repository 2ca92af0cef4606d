"""A domain server that sends anything at all: named errors (docs/network.md 4.2), nothing partial, bounded memory."""
import collections
import hashlib
import json
import os
import re
import unittest
import uuid

import programs
from harness import NodeCase
from scripted_server import answer, data_answer, endless, form, unquoted
from stored_alone import LARGE, NASTY, NO_RETRY, SOON_SECS, STATUSES, StoredCase

VECTORS = os.path.join(os.environ.get("POSEMESH_SOURCE_DIR", "."), "tests", "vectors", "multipart_bodies")
FORM_TYPE = "multipart/form-data; boundary=b"
MEMORY_BYTES = 32 << 20


def once_cut(whole, key):
    """A server's answers by the key of a request: cut after as many bytes as the key says, then whole."""
    asked = collections.Counter()

    def answers(request):
        offset = key(request)
        asked[offset] += 1
        return whole[:offset] if asked[offset] == 1 else whole
    return answers, asked


def by_id(request):
    return int(request.argument("ids"))


class Inputs(StoredCase):
    PARTS = ('name=a; size=6', b"he\r\n-l"), ('id=2', b"")

    def assert_input(self, session, given, contents):
        self.assertEqual(given["message"], "input", given)
        paths = [given["path"], *given.get("related_files", [])]
        self.assertEqual([session.read(path) for path in paths], contents)
        return paths

    def assert_refused(self, code, status=0, text="", cid="one", **fields):
        """A final error: nothing is left, and nothing was asked twice."""
        self.server.forget()
        session = self.open(**fields)
        self.assert_fails(session.input(cid), code, status, text)
        self.assertEqual(session.files(), [])
        session.close()

    def test_every_vector_comes_out_as_it_says(self):
        with open(os.path.join(VECTORS, "index.json")) as file:
            vectors = json.load(file)["cases"]
        codes = {"not_found": "not_found", "truncated": "network", "size_mismatch": "invalid", "malformed": "invalid"}
        for vector in vectors:
            with self.subTest(vector["file"]):
                with open(os.path.join(VECTORS, vector["file"]), "rb") as file:
                    self.server.answers["input"] = answer(body=file.read(), content_type=vector["content_type"])
                if "error" in vector:
                    self.assert_refused(codes[vector["error"]], text=vector["error"], lease_secs=SOON_SECS)
                    continue
                session = self.open()
                given = session.input()
                self.assertEqual(given["message"], "input", given)
                paths, first = [given["path"], *given.get("related_files", [])], vector["parts"][0]
                self.assertEqual([hashlib.sha256(session.read(path)).hexdigest() for path in paths],
                                 [part["sha256"] for part in vector["parts"]])
                self.assertEqual([given.get(name) for name in ("name", "data_type", "data_id", "domain_id")],
                                 [first[name] for name in ("name", "data_type", "id", "domain_id")])
                self.assertEqual(session.files(), sorted(paths))
                session.close()

    def test_an_answer_cut_at_any_byte_is_fetched_again(self):
        for framing in ("length", "chunked", "close"):
            with self.subTest(framing):
                whole = data_answer(*self.PARTS, framing=framing)
                self.server.answers["input"], asked = once_cut(whole, by_id)
                session = self.open()
                paths = []
                for given in session.inputs([str(offset) for offset in range(len(whole))]):
                    paths += self.assert_input(session, given, [data for _, data in self.PARTS])
                self.assertEqual(session.files(), sorted(set(paths)))
                self.assertEqual(len(set(paths)), len(paths))
                # The last line end of all may be missing, where its end is no one's to know.
                sure = len(whole) - {"length": 0, "chunked": 1, "close": 2}[framing]
                self.assertEqual([offset for offset in range(sure) if asked[offset] != 2], [])
                session.close()

    def test_an_answer_that_is_always_cut_is_a_network_error(self):
        for framing, harmless in (("length", 0), ("close", 2)):
            with self.subTest(framing):
                self.server.forget()
                whole = data_answer(*self.PARTS, framing=framing)
                self.server.answers["input"] = lambda request, whole=whole: whole[:by_id(request)]
                session, offsets = self.open(lease_secs=1), range(len(whole) - harmless)
                for offset, given in zip(offsets, session.inputs([str(offset) for offset in offsets])):
                    self.assertEqual(given.get("code"), "network", (offset, given))
                self.assertEqual(session.files(), [])
                self.assertGreater(len(self.server.requests), len(whole))
                session.close()

    def test_a_retry_takes_nothing_of_the_attempt_before(self):
        others = data_answer(*[(f'name="other {i}"; data-type="bin"', b"x" * 5000) for i in range(5)])
        answers = [others[:-10], data_answer(("size=3", b"x" * 2000))[:-10], data_answer(("size=3", b"abc"))]
        self.server.answers["input"] = lambda request: answers.pop(0)
        session = self.open()
        self.assert_input(session, session.input(), [b"abc"])
        self.assertEqual(session.files(), ["datasets/part/part.part"])

    def test_what_is_malformed_is_refused_once(self):
        body = form(('name="a"', b"hello"))
        for content_type in ("application/json", "multipart/mixed; boundary=b", "multipart/form-data", "text/html " + "x" * 9000,
                             "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 71, "", None,
                             "multipart/form-data; boundary=b; boundary=c", 'multipart/form-data; boundary="b',
                             "multipart/form-data; boundary=b\x01", "multipart/form-data;boundary=é"):
            with self.subTest(content_type=content_type and content_type[:80]):
                self.server.answers["input"] = answer(body=body, content_type=content_type)
                self.assert_refused("invalid", text="malformed")
                self.assertEqual(len(self.server.requests), 1)
        for parameters in ("size=4", "size=6", "size=0", "size=-1", "size=5.0", "size=5x", "size=", 'size=" 5"', "size=0x5",
                           "size=5; size=5", "size=18446744073709551621", "size=1000000000000000000", "id=1; id=2", 'name="a',
                           'name="a\nb"', 'name="a\r\nX: y"', 'name="a\0b"', 'name="a"b'):
            with self.subTest(parameters=parameters):
                self.server.answers["input"] = data_answer((parameters, b"hello"))
                self.assert_refused("invalid")
                self.assertEqual(len(self.server.requests), 1)
        for what, body in {"no disposition": b"--b\r\nX: y\r\n\r\nhello\r\n--b--", "a boundary that goes on": b"--bx",
                           "the second part": form(('name="a"; size=1', b"1"), ('name="b"; size=3', b"12"))}.items():
            with self.subTest(what):
                self.server.answers["input"] = answer(body=body, content_type=FORM_TYPE)
                self.assert_refused("invalid")

    def test_wrong_lengths_are_network_errors(self):
        body = form(("size=5", b"hello"))
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: %s\r\n" % FORM_TYPE.encode()
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
        for wrong in [*(head + b"Content-Length: %s\r\n\r\n" % length + body
                        for length in (b"0", b"20", b"%d" % (len(body) - 3), b"%d" % (len(body) + 1), b"1" + b"0" * 18,
                                       b"-1", b"x")),
                      *(chunked + length + b"\r\n" + body
                        for length in (b"zz", b"-5", b"0", b"14", b"7fffffffffffffff", b"ffffffffffffffff", b"1" + b"0" * 40)),
                      b"", b"HTTP/1.1 100 Continue\r\n\r\n", head, head + b"X\r\n\r\n" + body, head + b"X: \0\r\n\r\n" + body]:
            with self.subTest(answer=wrong[:150]):
                self.server.answers["input"] = wrong
                self.assert_refused("network", lease_secs=SOON_SECS)
        # What can be understood nevertheless is.
        for right in (head.replace(b"\r\n", b"\n") + b"\n" + body, b"HTTP/1.1 103 Hints\r\nX: y\r\n\r\n" + head + b"\r\n" + body,
                      head + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"HTTP/1.1 500 No\r\n\r\n",
                      chunked + b"%x;x=y\r\n%s\r\n0\r\nX: y\r\n\r\n" % (len(body), body)):
            with self.subTest(answer=right[:150]):
                self.server.answers["input"] = right
                session = self.open()
                self.assert_input(session, session.input(), [b"hello"])
                session.close()

    def test_an_answer_without_a_part_is_not_found(self):
        self.server.answers["input"] = answer(body=b"--b--\r\n", content_type=FORM_TYPE)
        self.assert_refused("not_found")
        for status, code in ((204, "invalid"), (304, "http")):
            self.server.answers["input"] = answer(status, content_type=None)
            self.assert_refused(code, status=0 if status < 300 else status)

    def test_statuses_have_names(self):
        for status, code in STATUSES:
            with self.subTest(status):
                self.server.answers["input"] = answer(status, b"<reason>\x1b[2J\xff" * 40, headers=[NO_RETRY])
                # After a 401 stored waits for another token, for as long as the lease lasts.
                text, lease = ("401", {"lease_secs": SOON_SECS}) if status == 401 else (f" {status}: <reason> [2J?<reason>", {})
                self.assert_refused(code, status, text=text, **lease)

    def test_a_server_that_is_not_there_is_a_network_error(self):
        self.assert_refused("network", server_url=f"http://127.0.0.1:{programs.free_port()}", lease_secs=SOON_SECS)

    def test_names_and_types_never_leave_the_datasets(self):
        for nasty in [*NASTY, "", ".", "\x1b[2J", "\udcff\udc80", "C:\\x", "-rf", "~", "*"]:
            if "\n" in nasty:
                continue  # ends the header's line: malformed, see above
            with self.subTest(value=nasty):
                quoted = re.sub(r'(["\\])', r"\\\1", nasty)
                self.server.answers["input"] = data_answer((f'name="{quoted}"; data-type="{quoted}"; id="{quoted}"', b"x"),
                                                           (f'name="{quoted}"; data-type="{quoted}"', b"y"))
                session = self.open()
                given = session.input()
                paths = self.assert_input(session, given, [b"x", b"y"])
                self.assertEqual((given["name"], given["data_type"], given["data_id"]), (nasty, nasty, nasty))
                for path in paths:
                    self.assertRegex(path, r"\Adatasets/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
                self.assertEqual(session.files(), sorted(paths))
                session.close()

    def test_names_that_are_too_long_are_named(self):
        for parameters in ("name=" + "n" * 1025, "data-type=" + "t" * 1025, "id=" + "i" * 1025, "domain-id=" + "i" * 1025,
                           "name=" + "n" * 256, "name=" + "n" * 250 + "; data-type=abcdef"):
            with self.subTest(parameters=parameters[:12], length=len(parameters)):
                self.server.answers["input"] = data_answer(("name=first", b"x"), (parameters, b"x"))
                self.assert_refused("too_large")

    def test_ids_and_domains_stay_one_piece_of_the_url(self):
        self.server.answers["input"] = data_answer(("", b"x"))
        for nasty in [nasty for nasty in NASTY if nasty != ".."]:
            with self.subTest(value=nasty):
                session = self.open(domain=nasty, prefix=nasty)
                self.server.forget()
                if "/" not in nasty:
                    self.assertEqual(session.input(nasty)["message"], "input")
                self.assert_stored(session.put(), "made")
                self.assert_stored(session.put("large.bin", LARGE), "completed")
                for request in self.server.asked("input", "lookup", "create", "begin", "part", "complete"):
                    self.assertRegex(request.path, r"\A/api/v1/domains/[A-Za-z0-9%._~-]+/data(/multipart)?\Z")
                    self.assertEqual(unquoted(request.path.split("/")[4]), nasty)
                    self.assertRegex(request.query, r"\A[A-Za-z0-9%._~&=-]*\Z")
                self.assertEqual([unquoted(request.argument("ids")) for request in self.server.asked("input")],
                                 [] if "/" in nasty else [nasty])
                session.close()

    def test_ids_that_lead_elsewhere_are_refused_unasked(self):
        for cid in (".", "..", " .. ", "/domains/d/data/..", "/domains/../data/x", "/domains/d/data/%2e%2E", "?ids=a,..",
                    "/domains/d/data/a%00b", "../../x", "a/b", "/", "ftp://127.0.0.1/domains/d/data/x",
                    "file:///domains/d/data/x", "http://", "", " ", "?", "/domains/d/data", "?ids=,&name="):
            with self.subTest(cid=cid):
                self.assert_refused("invalid", cid=cid)
                self.assertEqual(self.server.requests, [])
        for domain in ("", ".", ".."):
            opened = self.stored.open(self.server.origin, domain=domain).opened
            self.assert_fails(opened, "invalid", text="domain_id")

    def test_one_cid_is_fetched_once(self):
        self.server.answers["input"] = data_answer(("size=5", b"hello"))
        session = self.open()
        first = session.inputs(["one"] * 50) + [session.input("one")]
        self.assertEqual(first, first[:1] * 51)
        self.assert_input(session, first[0], [b"hello"])
        self.assertEqual(len(self.server.requests), 1)
        # What failed is forgotten: asking again asks again.
        self.server.answers["input"] = answer(404)
        self.assert_fails(session.input("two"), "not_found", 404)
        self.server.answers["input"] = data_answer(("size=5", b"world"))
        self.assert_input(session, session.input("two"), [b"world"])
        self.assertEqual(session.files(), ["datasets/part/part-2.part", "datasets/part/part.part"])


class Endless(StoredCase):
    """A gigabyte where a line was expected. Sanitizers keep what was freed for a while, so only without them the whole is
    measured; what a case adds is measured always."""
    HEAD = b"HTTP/1.1 200 OK\r\n"
    BODY = HEAD + b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    CHUNKED = HEAD + b"Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"
    CASES = {
        "a status line": (b"HTTP/1.1 200 ", b"O"),
        "a header line": (HEAD + b"X: ", b"a"),
        "a header line without a colon": (HEAD, b"a"),
        "a known header": (HEAD + b"Content-Type: ", b"multipart/form-data; "),
        "header lines": (HEAD, b"X: a\r\n"),
        "folded header lines": (HEAD + b"X: a\r\n", b" a\r\n"),
        "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "trailers": (CHUNKED + b"0\r\n", b"X: a\r\n"),
        "a part's header line": (BODY + b"--b\r\nX: ", b"a"),
        "a part's header lines": (BODY + b"--b\r\n", b"X: a\r\n"),
        "parts": (BODY, b"--b\r\nContent-Disposition: form-data\r\n\r\n\r\n"),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(programs.program("stored"), "rb") as file:
            cls.sanitized = b"__asan_init" in file.read()

    def assert_memory(self, before):
        peak = self.stored.peak_memory_bytes()
        self.assertLess(peak - before, MEMORY_BYTES)
        if not self.sanitized:
            self.assertLess(peak, MEMORY_BYTES)

    def test_headers_are_refused_at_a_bound(self):
        for what, (head, piece) in self.CASES.items():
            with self.subTest(what):
                self.server.forget()
                self.server.answers["input"] = lambda request, head=head, piece=piece: endless(head, piece)
                session, before = self.open(), self.stored.reset_peak_memory()
                self.assert_fails(session.input(), "too_large")
                self.assertEqual(session.files(), [])
                # What the sockets hold counts, too.
                self.assertLess(self.server.sent_bytes, 16 << 20)
                self.assert_memory(before)
                session.close()

    def test_a_trailer_is_refused_at_a_bound(self):
        """By curl, as chunks that it cannot read."""
        self.server.answers["input"] = lambda request: endless(self.CHUNKED + b"0\r\nX: ", b"a")
        session, before = self.open(lease_secs=SOON_SECS), self.stored.reset_peak_memory()
        self.assert_fails(session.input(), "network")
        self.assertLess(self.server.sent_bytes, 16 << 20)
        self.assert_memory(before)

    def test_other_answers_are_refused_at_a_bound(self):
        head = self.HEAD + b"Content-Type: application/json\r\n\r\n"
        for kind, data in (("lookup", b"x"), ("create", b"x"), ("begin", LARGE), ("part", LARGE), ("complete", LARGE)):
            with self.subTest(kind):
                self.server.forget()
                self.server.answers[kind] = lambda request: endless(head + b'{"id": "', b"a")
                session, before = self.open(), self.stored.reset_peak_memory()
                self.assert_fails(session.put(data=data), "too_large")
                self.assertLess(self.server.sent_bytes, 64 << 20)
                self.assert_memory(before)
                session.close()
                del self.server.answers[kind]
                self.server.answers = {**self.server.NOTHING_YET, **self.server.answers}

    def test_a_refusal_of_a_gigabyte_is_a_refusal(self):
        self.server.answers["input"] = lambda request: endless(b"HTTP/1.1 400 Bad\r\n\r\n", b"because ")
        session, before = self.open(), self.stored.reset_peak_memory()
        self.assert_fails(session.input(), "bad_request", 400)
        self.assert_memory(before)


class WholeNode(NodeCase):
    """What DMS gets to hear."""

    def assert_reason(self, kind, code, status, method, *steps, **fields):
        domain = str(uuid.uuid4())
        self.devnet.fault(kind="status", method=method, path=f"/domain/api/v1/domains/{domain}/data{kind}", status=status,
                          retry_after=3600, count=-1)
        shown = self.devnet.run(*steps, domain=domain, **fields)
        self.assertEqual(shown["status"], "failed", shown)
        self.assertRegex(shown["tasks"][0]["fail_reason"], rf"answered {status}\b.* \({code}\)$")
        self.devnet.admin("DELETE", "/faults")
        self.assert_node_works()  # three failures in a row would have the capability rest

    def test_statuses_have_names_in_the_reason(self):
        for status, code in STATUSES:
            if status in (401, 501):
                continue  # they make stored wait for a token, and use the small form
            with self.subTest(status):
                self.assert_reason("?ids=*", code, status, "GET", inputs_cids=["some-id"])
                self.assert_reason("", code, status, "POST", ["write", "a.json", 1])
        self.assert_reason("/multipart?uploadId=*", "bad_request", 400, "PUT", ["write", "large.bin", 150000])
        programs.wait_until(lambda: [upload["state"] for upload in self.devnet.admin("GET", "/uploads")["uploads"]] == ["aborted"],
                            "the upload is aborted")
        self.node.wait_for_no_workspace()

    def test_a_cid_that_a_task_names_twice_is_fetched_once(self):
        domain = str(uuid.uuid4())
        data_id = self.devnet.store(domain, "a", "txt", b"a")
        self.assert_completed(self.devnet.run(["report_inputs"], domain=domain, inputs_cids=[data_id, data_id]))
        self.assertEqual(len(self.devnet.requests(f"*/domains/{domain}/data?ids=*")), 1)


if __name__ == "__main__":
    unittest.main()
