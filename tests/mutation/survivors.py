"""The mutants that may survive: reads survivors.md, and finds what is no longer true of it."""
from mutants import source_lines, squeezed


def listed(folder):
    """{(file, line, what it may become)}, as mutants' identities: below the heading of a file, pairs of lines `-` and `+`, and why
    nobody sees the difference."""
    found, file, original = set(), None, None
    for line in (folder / "survivors.md").read_text().splitlines():
        if line.startswith("## "):
            file = line[3:].strip()
        elif line.startswith("    -"):
            original = squeezed(line[5:])
        elif line.startswith("    +"):
            found.add((file, original, squeezed(line[5:])))
    return found


def without_line(root, _build=None):
    """What can be told without making mutants, and so in each run of the tests: the lines stand in their files."""
    faults = []
    for file, original, _ in sorted(listed(root / "tests" / "mutation")):
        paths = [path for folder in ("libcommon", "services") for path in (root / folder).rglob(file)]
        if original not in {squeezed(line) for path in paths for line in source_lines(path)}:
            faults.append(f"survivors.md: {file} has no line {original}")
    return faults


def not_drawn(entries, drawn):
    """Of the files that mutants were made of ({file: [mutant]}), those that no mutant is."""
    there = {mutant.identity for mutants in drawn.values() for mutant in mutants}
    return sorted(entry for entry in entries if entry[0] in drawn and entry not in there)
