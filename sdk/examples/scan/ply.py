"""PLY files: reads the vertices of any of them, writes clouds as binary little-endian.

Scanners differ in what else a file holds (faces, triangle strips, colours, normals, confidence), so the header is taken
at its word: every element and property it declares is stepped over by its type.
"""

import hashlib
import os
import struct
import sys
from array import array
from itertools import islice

from cloud import Cloud, ScanError

# A scalar's name in the header -> its letter in the struct module.
KINDS = {
    "char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I", "float": "f", "double": "d",
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "float32": "f", "float64": "d",
}
ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": None}

# A header longer than this is not one; a cloud larger than this does not fit the memory of a modest node.
MOST_HEADER_BYTES = 65536
MOST_VERTICES = 5_000_000

RECORDS_AT_ONCE = 65536


class Property:
    def __init__(self, name, kind, count_kind=None):
        self.name = name
        self.kind = kind
        self.count_kind = count_kind  # None: a scalar; else the kind of a list's length


class Element:
    def __init__(self, name, count):
        self.name = name
        self.count = count
        self.properties = []

    def has_lists(self):
        return any(p.count_kind for p in self.properties)

    def record(self, order, wanted=()):
        """One record as a struct; properties whose index is not wanted become padding."""
        letters = []
        for index, prop in enumerate(self.properties):
            letters.append(prop.kind if index in wanted else f"{struct.calcsize('<' + prop.kind)}x")
        return struct.Struct(order + "".join(letters))


def is_ply(path):
    with open(path, "rb") as stream:
        return stream.read(4) in (b"ply\n", b"ply\r")


def _kind(word):
    if word not in KINDS:
        raise ScanError(f"The PLY header has a property of the unknown type {word[:40]!r}.")
    return KINDS[word]


def _count(word, name):
    if not (word.isascii() and word.isdigit() and len(word) <= 12):
        raise ScanError(f"The PLY header gives element {name[:40]!r} the count {word[:40]!r}, which is no usable number.")
    return int(word)


def _header_line(line, state):
    """Takes one line of the header into state (format, elements)."""
    match line.split():
        case [] | ["comment" | "obj_info", *_]:
            pass
        case ["format", name, _version]:
            if name not in ORDERS:
                raise ScanError(f"The PLY format {name[:40]!r} is unknown.")
            state["format"] = name
        case ["element", name, count]:
            state["elements"].append(Element(name, _count(count, name)))
        case ["property", *_] if not state["elements"]:
            raise ScanError("The PLY header has a property before any element.")
        case ["property", "list", count_kind, kind, name]:
            if _kind(count_kind) in "fd":
                raise ScanError(f"The PLY list {name[:40]!r} has a length that is not an integer type.")
            state["elements"][-1].properties.append(Property(name, _kind(kind), _kind(count_kind)))
        case ["property", kind, name]:
            state["elements"][-1].properties.append(Property(name, _kind(kind)))
        case _:
            raise ScanError(f"The PLY header has a line that is not understood: {line[:80]!r}.")


def read_header(stream):
    """Leaves the stream at the first byte of the data. Returns (format name, [Element])."""
    if stream.readline(16).strip() != b"ply":
        raise ScanError("The file is not a PLY file: it does not begin with the line 'ply'.")
    state = {"format": None, "elements": []}
    size = 0
    while True:
        line = stream.readline(MOST_HEADER_BYTES)
        size += len(line)
        if not line.endswith(b"\n") or size > MOST_HEADER_BYTES:
            raise ScanError("The PLY header has no 'end_header' line.")
        text = line.decode("latin-1").strip()
        if text == "end_header":
            break
        _header_line(text, state)
    if state["format"] is None:
        raise ScanError("The PLY header names no format.")
    return state["format"], state["elements"]


def _axes(element):
    """Indices of x, y and z among the properties of the vertex element."""
    names = [None if p.count_kind else p.name for p in element.properties]
    for axis in "xyz":
        if names.count(axis) != 1:
            raise ScanError(f"The PLY vertices must have exactly one property {axis!r}.")
    return [names.index(axis) for axis in "xyz"]


def _cut_short(element, got):
    return ScanError(f"The PLY file is cut short: it ends after {got} of {element.count} {element.name} records.")


def _read_exactly(stream, size, element, got):
    data = stream.read(size)
    if len(data) != size:
        raise _cut_short(element, got)
    return data


def _walk_record(stream, order, element, got):
    """Steps over one binary record with lists. Returns its values, None for each list."""
    values = []
    for prop in element.properties:
        if prop.count_kind is None:
            scalar = struct.Struct(order + prop.kind)
            values.append(scalar.unpack(_read_exactly(stream, scalar.size, element, got))[0])
            continue
        length_record = struct.Struct(order + prop.count_kind)
        (length,) = length_record.unpack(_read_exactly(stream, length_record.size, element, got))
        if length < 0:
            raise ScanError(f"A PLY {element.name} record has a list of negative length.")
        stream.seek(length * struct.calcsize("<" + prop.kind), os.SEEK_CUR)
        values.append(None)
    return values


def _skip_binary(stream, order, element):
    if element.has_lists():
        for got in range(element.count):
            _walk_record(stream, order, element, got)
    else:
        stream.seek(element.record(order).size * element.count, os.SEEK_CUR)


def _binary_vertices(stream, order, element, axes):
    cloud = Cloud()
    if element.has_lists():
        for got in range(element.count):
            values = _walk_record(stream, order, element, got)
            cloud.x.append(values[axes[0]])
            cloud.y.append(values[axes[1]])
            cloud.z.append(values[axes[2]])
        return cloud
    record = element.record(order, axes)
    # The columns come in the order of the file, which need not be x, y, z.
    targets = [(cloud.x, cloud.y, cloud.z)[axes.index(index)] for index in sorted(axes)]
    while len(cloud) < element.count:
        wanted = min(RECORDS_AT_ONCE, element.count - len(cloud))
        data = stream.read(wanted * record.size)
        if len(data) != wanted * record.size:
            raise _cut_short(element, len(cloud) + len(data) // record.size)
        for target, column in zip(targets, zip(*record.iter_unpack(data))):
            target.extend(column)
    return cloud


def _ascii_columns(element, axes, words):
    """Where x, y and z stand in a line whose vertices have lists."""
    columns = []
    at = 0
    for prop in element.properties:
        columns.append(at)
        # A negative length must not lead back to values already read.
        at += 1 + (max(0, int(words[at])) if prop.count_kind else 0)
    return [columns[axis] for axis in axes]


def _ascii_vertices(lines, element, axes):
    cloud = Cloud()
    columns = None if element.has_lists() else axes
    for line in islice(lines, element.count):
        words = line.split()
        try:
            ix, iy, iz = columns or _ascii_columns(element, axes, words)
            x, y, z = float(words[ix]), float(words[iy]), float(words[iz])
        except (ValueError, IndexError):
            text = line[:80].decode("latin-1").strip()
            raise ScanError(f"Vertex {len(cloud)} of the PLY file is not understood: {text!r}.") from None
        cloud.x.append(x)
        cloud.y.append(y)
        cloud.z.append(z)
    if len(cloud) != element.count:
        raise _cut_short(element, len(cloud))
    return cloud


def read(path):
    """The vertices of a PLY file as a Cloud; elements after the vertices are not read. Raises ScanError."""
    with open(path, "rb") as stream:
        name, elements = read_header(stream)
        vertex = next((e for e in elements if e.name == "vertex"), None)
        if vertex is None:
            raise ScanError("The PLY file has no vertices.")
        if vertex.count > MOST_VERTICES:
            raise ScanError(f"The scan has {vertex.count} vertices; at most {MOST_VERTICES} are supported.")
        axes = _axes(vertex)
        before = elements[: elements.index(vertex)]
        order = ORDERS[name]
        if order is None:
            lines = (line for line in stream if not line.isspace())
            for element in before:
                skipped = sum(1 for _ in islice(lines, element.count))
                if skipped != element.count:
                    raise _cut_short(element, skipped)
            return _ascii_vertices(lines, vertex, axes)
        for element in before:
            _skip_binary(stream, order, element)
        return _binary_vertices(stream, order, vertex, axes)


class Writer:
    """Writes a binary little-endian PLY of doubles piece by piece, and knows its size and SHA-256 at the end: a dense
    cloud neither has to fit in memory nor to be read again. A with statement closes it."""

    def __init__(self, path, count, comment):
        self.count = count
        self.written = 0
        self.size = 0
        self._digest = hashlib.sha256()
        self._stream = open(path, "wb")
        properties = "".join(f"property double {axis}\n" for axis in "xyz")
        header = f"ply\nformat binary_little_endian 1.0\ncomment {comment}\nelement vertex {count}\n{properties}"
        self._put(f"{header}end_header\n".encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()

    def _put(self, data):
        self._stream.write(data)
        self._digest.update(data)
        self.size += len(data)

    def write(self, interleaved):
        """Takes an array of doubles x, y, z, x, y, z, ..."""
        if sys.byteorder == "big":
            interleaved = array("d", interleaved)
            interleaved.byteswap()
        self._put(memoryview(interleaved).cast("B"))
        self.written += len(interleaved) // 3

    def finish(self):
        """Returns the SHA-256 of the file, which is whole on disk afterwards."""
        assert self.written == self.count, "the header promised another number of points"
        self._stream.close()
        return self._digest.hexdigest()
