"""Makes the mutants of a source file: which there are, and which of them a seed draws.

universalmutator knows what to change; `rules` beside this file adds what it does not. A mutant is one changed line.
"""

import contextlib
import dataclasses
import hashlib
import io
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent

# An assertion is there for bugs of ours: none of it shows while there are none. What a log line says is for people.
LEFT_ALONE = [r"^\s*#", r"^\s*(static_)?assert\(", r"^\s*_Static_assert\(", r"^\s*log_\w+\("]

# Asked for equality, as all of ours are, these do not care which text comes first.
SWAPPED = re.compile(r"\b(strn?(case)?cmp|memcmp) \(")

CONSTANT = re.compile(r"\b([A-Z][A-Z0-9_]+) =")
MACRO = re.compile(r"^#define ([A-Z][A-Z0-9_]+)\(", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Mutant:
    module: str
    file: str  # from the project's root
    line: int
    original: str
    mutated: str
    name: str  # in a header: the constant, or the macro that the line belongs to

    @property
    def identity(self):
        """The same when lines move: what survivors.md lists."""
        return (self.module, squeezed(self.original), squeezed(self.mutated))

    def text(self, lines):
        return "".join(lines[: self.line - 1]) + self.mutated + "\n" + "".join(lines[self.line :])

    def __str__(self):
        return f"{self.file}:{self.line}\n-{squeezed(self.original)}\n+{squeezed(self.mutated)}"


def squeezed(text):
    return " ".join(text.split())


def without_comments(text):
    """Every line stays where it is. The mutator takes no line that has a comment."""
    pattern = r"/\*.*?\*/|//[^\n]*|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"

    def blank(match):
        return match.group(1) or " " + "\n" * match.group(0).count("\n")

    return re.sub(pattern, blank, text, flags=re.DOTALL)


def source_lines(path):
    lines = without_comments(path.read_text()).splitlines(keepends=True)
    return [line.rstrip() + "\n" for line in lines]


def changed_lines(lines, rules, strings):
    """(line number, changed line). Without `strings`, what changes text in quotes only is left out, unless it empties it."""
    # Not at the top: all but this works where it is not installed.
    from universalmutator import mutator

    with contextlib.redirect_stdout(io.StringIO()):
        found = mutator.mutants_regexp(lines, rules, ignorePatterns=LEFT_ALONE, ignoreStringOnly=not strings)
    # Some rules add a line: on one line, what follows keeps its numbers, and an assertion its message.
    return [(number, " ".join(text.splitlines())) for number, text, *_ in found]


def name_of(lines, number):
    constant = CONSTANT.search(lines[number - 1])
    return constant.group(1) if constant else (["", *MACRO.findall("".join(lines[:number]))])[-1]


def mutants_of(module, root, path):
    lines = source_lines(path)
    changed = []
    if path.suffix == ".h":
        changed += changed_lines(lines, [str(HERE / "header.rules")], strings=True)
    else:
        changed += changed_lines(lines, ["universal.rules", "c_like.rules", "c.rules"], strings=False)
        changed += changed_lines(lines, [str(HERE / "source.rules")], strings=True)
    file = str(path.relative_to(root))
    mutants = [Mutant(module, file, number, lines[number - 1].rstrip("\n"), text, name_of(lines, number)) for number, text in changed]
    return list(dict.fromkeys(mutant for mutant in mutants if not SWAPPED.search(mutant.mutated)))


def in_drawn_order(mutants, seed):
    """The order depends on what each mutant changes and not on what else there is, so that an edit elsewhere hardly moves it."""
    seen = {}

    def key(mutant):
        nth = seen[mutant.identity] = seen.get(mutant.identity, -1) + 1
        return hashlib.sha256(repr((seed, nth, mutant.identity)).encode()).digest()

    return sorted(mutants, key=key)
