"""What a job prints, as it comes out of the node's log: whole, within a budget, with advice where it was meant otherwise."""
import re
import unittest

import harness

LEFT_OUT = re.compile(r"(\d+) lines? of (\d+) bytes left out so far")


class JobOutput(harness.NodeCase):

    def run_job(self, *steps):
        """The job's task once its end is in the log."""
        shown = self.devnet.run(*steps)
        self.assert_completed(shown)
        task = shown["tasks"][0]["id"]
        self.node.log.wait("the job is done", "runnerd", task=task)
        return shown

    def said(self, shown):
        """The lines of its job."""
        return [line for line in self.node.log.find_all("", "runnerd")
                if line.get("source") == "job" and line["task_id"] == shown["tasks"][0]["id"]]

    def told(self, text, shown):
        return [line for line in self.node.log.find_all(text, "runnerd")
                if "source" not in line and line["task_id"] == shown["tasks"][0]["id"]]

    def test_a_line_of_a_megabyte_is_whole_over_many_lines(self):
        text = 'ä "quoted" \\ 中文 😀 '
        shown = self.run_job(["repeat", text, 1000000 // len(text.encode())], ["print", "\nnext"])
        lines = self.said(shown)
        self.assertEqual([line.get("part") for line in lines], [*range(1, len(lines)), None])
        self.assertEqual("".join(line["msg"] for line in lines[:-1]), text * (1000000 // len(text.encode())))
        self.assertEqual(lines[-1]["msg"], "next")
        self.assertEqual(self.told("left out", shown), [])

    def test_of_a_flood_a_share_is_logged_and_the_rest_is_counted(self):
        count, text = 200000, " ".join(["a line that nobody needs"] * 4)
        shown = self.run_job(["repeat", text + "\n", count], ["say", {"event": "behind the flood"}], ["say", {"progress": 1}],
                             ["repeat", text + "\n", count])
        self.assertEqual((shown["tasks"][0]["events"], shown["tasks"][0]["progress"]), (["behind the flood"], 1))
        lines, losses = self.said(shown), self.told("left out", shown)
        lost_lines, lost_bytes = map(int, LEFT_OUT.search(losses[-1]["msg"]).groups())
        self.assertEqual({line["msg"] for line in lines}, {text})
        self.assertEqual((len(lines) + lost_lines, lost_bytes), (2 * count, lost_lines * len(text)))
        self.assertEqual({line["level"] for line in losses}, {"warn"})

    def test_who_means_progress_and_writes_something_else_is_told_once_what_is_right(self):
        for text, fault in (("{bad json", "JSON"), ('{"percent":50}', "no progress, no event")):
            with self.subTest(text):
                shown = self.run_job(*[["print", text]] * 3)
                self.assertEqual([line["msg"] for line in self.said(shown)], [text] * 3)
                (advice,) = self.told('{"progress": {"percent": 50}}', shown)
                self.assertIn(fault, advice["msg"])
                self.assertEqual(advice["level"], "warn")

    def test_json_that_is_too_long_is_text_and_its_author_is_told(self):
        shown = self.run_job(["repeat", '{"progress": "' + "x" * 1000, 270], ["print", ""])
        (advice,) = self.told("longer than 256 KiB", shown)
        self.assertIn('{"progress": {"percent": 50}}', advice["msg"])

    def test_what_is_as_it_should_be_leads_to_no_advice(self):
        shown = self.run_job(["print", "plain { text"], ["say", {"progress": 1}], ["say", {"event": 1}],
                             ["say", {"level": "info", "message": "m"}])
        self.assertEqual(self.told("is logged as text", shown), [])


if __name__ == "__main__":
    unittest.main()
