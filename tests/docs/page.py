"""A page whose blocks are typed into one bash: ```sh is typed, ```text is what is shown then, in this order, with "…" for what
differs each time."""
import os
import re
import sys

_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.M | re.S)


def _blocks(path, kind):
    with open(path) as file:
        return [text for found, text in _BLOCK.findall(file.read()) if found == kind]


def script(path):
    return "\n".join(_blocks(path, "sh"))


def not_shown(path, transcript):
    """The first line that the page promises and the transcript lacks, or None."""
    rest = iter(transcript.splitlines())
    for promised in "".join(_blocks(path, "text")).splitlines():
        pattern = ".*".join(re.escape(part) for part in promised.split("…"))
        if promised and not any(re.fullmatch(pattern, line) for line in rest):
            return promised
    return None


def main():
    """page.py script PAGE | page.py check PAGE <TRANSCRIPT"""
    if sys.argv[1] == "script":
        print(script(sys.argv[2]))
        return 0
    lacking = not_shown(sys.argv[2], sys.stdin.read())
    if lacking is not None:
        print(f"{os.path.basename(sys.argv[2])} promises {lacking!r}, which was not shown", file=sys.stderr)
    return int(lacking is not None)


if __name__ == "__main__":
    sys.exit(main())
