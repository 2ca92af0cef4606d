"""Who uses whom among the sources: by #include, and by the symbols of the objects of a build; and what else the tree must keep
to."""
import functools
import re
import subprocess

LINES_MAX = 450

# Functions of the C library that libcommon/ipc has in its place, for nng: who calls them means the C library's.
REPLACED = {"accept", "close", "listen", "sendmsg"}


def production_files(root):
    return sorted(path for folder in ("libcommon", "services", "sdk", "tests/devnet")
                  for path in (root / folder).rglob("*.[ch]"))


def unit_of(path):
    """x.c and x.h are one unit, "folder/x"."""
    return str(path.with_suffix(""))


def include_graph(root):
    graph = {}
    for path in production_files(root):
        unit = unit_of(path.relative_to(root))
        used = re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(), re.M)
        graph.setdefault(unit, set()).update(other[:-2] for other in used if other[:-2] != unit)
    return graph


def symbols(object_file):
    defined, used = set(), set()
    listing = subprocess.run(["nm", object_file], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        *_, kind, name = line.split()
        if kind == "U":
            used.add(name)
        elif kind in "TDRBVWC" and name not in {"main", *REPLACED}:
            defined.add(name)
    return defined, used


def compiled_units(root):
    return {unit_of(path.relative_to(root)) for path in production_files(root) if path.suffix == ".c"}


@functools.cache
def symbol_graph(root, build):
    """Sources without an object are not in it: sources_without_object tells of them."""
    sources = compiled_units(root)
    definers, users = {}, {}
    for object_file in build.rglob("*.c.o"):
        folder, _, inner = str(object_file.relative_to(build)).partition("/CMakeFiles/")
        unit = f"{folder}/{inner.partition('/')[2]}"[: -len(".c.o")]
        if unit not in sources:
            continue
        defined, used = symbols(object_file)
        for name in defined:
            definers.setdefault(name, set()).add(unit)
        users[unit] = used
    return {unit: {other for name in used for other in nearest(unit, definers.get(name, ()))} - {unit}
            for unit, used in users.items()}


def nearest(unit, definers):
    """Two programs may each have a function of one name: a program's own is the one that it calls."""
    return [other for other in definers if other.split("/")[:2] == unit.split("/")[:2]] or definers


def sources_without_object(root, build):
    """What is not built, the checks by symbols would pass over."""
    graph = symbol_graph(root, build)
    if not graph:
        return [f"{build} has no objects: build it first"]
    return [f"{unit}.c has no object in {build}" for unit in sorted(compiled_units(root) - set(graph))]


def circles(graph):
    """The strongly connected components of more than one node (Tarjan), each as one line."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            component, stack[at:] = stack[at:], []
            if len(component) > 1:
                found.append("circle: " + ", ".join(sorted(component)))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def circles_of_includes(root, _build):
    return circles(include_graph(root))


def circles_of_symbols(root, build):
    return circles(symbol_graph(root, build))


def folder_of(unit):
    return unit.rpartition("/")[0]


def folder_order(root):
    """The block of README.md whose lines are "<folder>: <subfolder> <subfolder> ..."."""
    block = re.search(r"```\n((?:(?:libcommon|services/\w+):.*\n(?: .*\n)*)+)```", (root / "README.md").read_text())
    order = []
    for line in re.sub(r"\n +", " ", block.group(1)).splitlines():
        folder, _, names = line.partition(":")
        order += [f"{folder}/{name}" for name in names.split()] + [folder]
    return order


def folders_out_of_order(root, build):
    """A folder may use those before it; the files at the top of a service come behind all of its folders. No folder of the order
    may use one that is not in it: tests, say."""
    order = {folder: place for place, folder in enumerate(folder_order(root))}
    there = {folder_of(unit) for unit in include_graph(root) if unit.startswith(("libcommon/", "services/"))}
    faults = [f"README.md does not name {folder}" for folder in sorted(there - set(order))]
    faults += [f"README.md names {folder}, and it has no sources" for folder in sorted(set(order) - there - {"libcommon"})]
    for kind, graph in (("includes", include_graph(root)), ("calls", symbol_graph(root, build))):
        for unit, used in sorted(graph.items()):
            if folder_of(unit) not in order:
                continue
            for other in sorted(used):
                if folder_of(other) not in order:
                    faults.append(f"{unit} {kind} {other}, whose folder is not in the order")
                elif order[folder_of(other)] > order[folder_of(unit)]:
                    faults.append(f"{unit} {kind} {other}, whose folder comes later")
    return faults


def services_that_know_each_other(root, build):
    faults = []
    for graph in (include_graph(root), symbol_graph(root, build)):
        for unit, used in graph.items():
            for other in used:
                both = [name.split("/")[:2] for name in (unit, other)]
                if both[0][0] == both[1][0] == "services" and both[0] != both[1]:
                    faults.append(f"{unit} uses {other}")
                if both[0][0] == "libcommon" and both[1][0] == "services":
                    faults.append(f"{unit} uses {other}")
    return faults


def long_files(root, _build):
    """Tests too: they are read as often."""
    paths = {*production_files(root), *(root / "tests").rglob("*.[ch]")}
    return [f"{path.relative_to(root)} has {count} lines" for path in sorted(paths)
            if (count := len(path.read_text().splitlines())) > LINES_MAX]


def documents(root):
    return [root / "README.md", *sorted(path for folder in ("docs", "sdk", "tests") for path in (root / folder).rglob("*.md"))]


def named_files_that_are_not_there(root, _build):
    """A path may end before what stands for many: tests/unit/<subject>_test.c names tests/unit."""
    path = re.compile(r"(?<![\w./-])(?:cmake|deploy|docs|libcommon|sdk|services|tests)/(?:[\w./-]*\w)?")
    return [f"{document.relative_to(root)} names {name}, and there is none" for document in documents(root)
            for name in sorted(set(path.findall(document.read_text()))) if not (root / name).exists()]


def machines_without_test(root, _build):
    table = re.findall(r"^\| [^|]+ \| `(services/\S+)\.c` \|", (root / "docs/architecture.md").read_text(), re.M)
    faults = [] if table else ["docs/architecture.md names no machines"]
    for unit in table:
        name = unit.rpartition("/")[2]
        if not (root / f"{unit}.c").exists():
            faults.append(f"there is no {unit}.c")
        if not (root / f"tests/unit/{name}_test.c").exists():
            faults.append(f"{unit}.c has no tests/unit/{name}_test.c")
    return faults
