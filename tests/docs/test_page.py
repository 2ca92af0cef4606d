"""What of a page is typed, and what is missed of what it promises."""
import os
import tempfile
import unittest

import page

TEXT = """# A page
```sh
one
```
```text
port …, open
done
```
```
neither typed nor shown
```
```sh
two
```
```text
bye
```
"""


class Page(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="posemesh-page.")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "page.md")
        with open(self.path, "w") as file:
            file.write(TEXT)

    def test_its_blocks_are_typed_in_order(self):
        self.assertEqual(page.script(self.path), "one\n\ntwo\n")

    def test_what_is_promised_may_stand_among_other_lines(self):
        self.assertIsNone(page.not_shown(self.path, "x\nport 80, open\ny\ndone\nbye\nz\n"))

    def test_what_is_not_shown_or_not_in_this_order_is_named(self):
        self.assertEqual(page.not_shown(self.path, "port 80, open\nbye\n"), "done")
        self.assertEqual(page.not_shown(self.path, "done\nport 80, open\nbye\n"), "done")
        self.assertEqual(page.not_shown(self.path, "port 80, shut\ndone\nbye\n"), "port …, open")
        self.assertEqual(page.not_shown(self.path, ""), "port …, open")


if __name__ == "__main__":
    unittest.main()
