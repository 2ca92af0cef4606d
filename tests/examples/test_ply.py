import struct
import tempfile
import unittest
from array import array
from pathlib import Path

import workspace  # noqa: F401  (puts the example on the path)

import obj
import ply
from cloud import ScanError

POINTS = [(1.0, 2.0, 3.0), (-4.5, 5.25, 0.0), (7.0, -8.0, 9.5)]
XYZ = ["property float x", "property float y", "property float z"]


def header(form, *lines):
    return ("\n".join(["ply", f"format {form} 1.0", *lines, "end_header"]) + "\n").encode()


class FileCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "scan"

    def read(self, content, reader=ply.read):
        self.path.write_bytes(content)
        return list(reader(self.path).points())

    def assert_refused(self, content, words, reader=ply.read):
        with self.assertRaises(ScanError) as caught:
            self.read(content, reader)
        self.assertIn(words, str(caught.exception))


class ReadsPly(FileCase):
    def test_reads_ascii_with_comments_and_blank_lines(self):
        rows = "\n\n".join(f"{x} {y} {z} 255" for x, y, z in POINTS)
        head = header("ascii", "comment made by hand", "element vertex 3", *XYZ, "property uchar red")
        self.assertEqual(self.read(head + rows.encode()), POINTS)

    def test_reads_a_header_with_windows_line_ends(self):
        head = header("ascii", "element vertex 3", *XYZ).replace(b"\n", b"\r\n")
        self.assertEqual(self.read(head + "".join(f"{x} {y} {z}\r\n" for x, y, z in POINTS).encode()), POINTS)

    def test_reads_both_byte_orders(self):
        for form, order in (("binary_little_endian", "<"), ("binary_big_endian", ">")):
            body = b"".join(struct.pack(order + "fff", *point) for point in POINTS)
            self.assertEqual(self.read(header(form, "element vertex 3", *XYZ) + body), POINTS)

    def test_finds_the_axes_in_any_order_and_type_among_other_properties(self):
        head = header("binary_big_endian", "element vertex 3", "property uchar red", "property double z",
                      "property int16 label", "property float x", "property float64 y", "property int quality")
        body = b"".join(struct.pack(">BdhfdI", 7, z, -1, x, y, 9) for x, y, z in POINTS)
        self.assertEqual(self.read(head + body), POINTS)

    def test_steps_over_lists_before_and_ignores_strips_after_the_vertices(self):
        head = header("binary_little_endian", "element face 2", "property list uchar int vertex_indices",
                      "property uchar flag", "element extra 2", "property short a", "element vertex 3", *XYZ,
                      "element tristrips 1", "property list int int vertex_indices")
        faces = struct.pack("<B3iB", 3, 0, 1, 2, 1) + struct.pack("<BB", 0, 2)
        body = faces + struct.pack("<hh", 5, 6) + b"".join(struct.pack("<fff", *point) for point in POINTS)
        self.assertEqual(self.read(head + body + struct.pack("<i4i", 4, 0, 1, 2, -1)), POINTS)

    def test_reads_vertices_that_have_lists_themselves(self):
        lines = ["element vertex 3", "property list uchar short views", *XYZ]
        rows = "\n".join(f"2 10 11 {x} {y} {z}" for x, y, z in POINTS)
        self.assertEqual(self.read(header("ascii", *lines) + rows.encode()), POINTS)
        body = b"".join(struct.pack("<B2hfff", 2, 10, 11, *point) for point in POINTS)
        self.assertEqual(self.read(header("binary_little_endian", *lines) + body), POINTS)

    def test_reads_more_records_than_one_block(self):
        count = 2 * ply.RECORDS_AT_ONCE + 5
        body = array("f", (float(i % 1000) for i in range(3 * count))).tobytes()
        points = self.read(header("binary_little_endian", f"element vertex {count}", *XYZ) + body)
        self.assertEqual(len(points), count)
        self.assertEqual(points[-1], tuple(float(i % 1000) for i in range(3 * count - 3, 3 * count)))


class RefusesPly(FileCase):
    def test_refuses_a_file_that_is_cut_short(self):
        body = struct.pack("<6f", *POINTS[0], *POINTS[1])
        self.assert_refused(header("binary_little_endian", "element vertex 3", *XYZ) + body + b"\0",
                            "cut short: it ends after 2 of 3 vertex records")
        self.assert_refused(header("ascii", "element vertex 3", *XYZ) + b"1 2 3\n", "after 1 of 3")

    def test_refuses_a_list_that_leads_beyond_the_file(self):
        head = header("binary_little_endian", "element face 1", "property list uint int vertex_indices",
                      "element vertex 1", *XYZ)
        self.assert_refused(head + struct.pack("<I", 0xFFFFFFFF) + bytes(12), "cut short")

    def test_refuses_a_list_of_negative_length(self):
        head = header("binary_little_endian", "element face 1", "property list int int i", "element vertex 1", *XYZ)
        self.assert_refused(head + struct.pack("<i", -1) + bytes(12), "negative length")

    def test_refuses_headers_it_does_not_understand(self):
        cases = [
            (b"not a ply\n", "does not begin with"),
            (b"ply\nformat ascii 1.0\n", "no 'end_header'"),
            (b"ply\n" + b"comment x\n" * 10000, "no 'end_header'"),
            (header("middle_endian", "element vertex 1", *XYZ), "unknown"),
            (header("ascii", "element vertex -1", *XYZ), "no usable number"),
            (header("ascii", "element vertex 9999999999999", *XYZ), "no usable number"),
            (header("ascii", "element vertex 99999999999", *XYZ), "at most"),
            (header("ascii", "property float x"), "before any element"),
            (header("ascii", "element vertex 1", "property quad x"), "unknown type"),
            (header("ascii", "element vertex 1", "property list float int x"), "not an integer"),
            (header("ascii", "element vertex 1", *XYZ[:2]), "exactly one property 'z'"),
            (header("ascii", "element vertex 1", *XYZ, XYZ[0]), "exactly one property 'x'"),
            (header("ascii", "element face 1", *XYZ), "no vertices"),
            (header("ascii", "elephant vertex 1"), "not understood"),
        ]
        for content, words in cases:
            with self.subTest(words):
                self.assert_refused(content, words)

    def test_names_the_vertex_that_is_not_understood(self):
        self.assert_refused(header("ascii", "element vertex 2", *XYZ) + b"1 2 3\n1 two 3\n", "Vertex 1 ")
        self.assert_refused(header("ascii", "element vertex 2", *XYZ) + b"1 2\n1 2 3\n", "Vertex 0 ")


class WritesPly(FileCase):
    def test_reads_back_what_it_wrote_and_knows_its_hash(self):
        import hashlib

        with ply.Writer(self.path, 3, "test") as writer:
            writer.write(array("d", [*POINTS[0], *POINTS[1]]))
            writer.write(array("d", POINTS[2]))
            digest = writer.finish()
            size = writer.size
        content = self.path.read_bytes()
        self.assertEqual((digest, size), (hashlib.sha256(content).hexdigest(), len(content)))
        self.assertEqual(list(ply.read(self.path).points()), POINTS)


class ReadsObj(FileCase):
    def test_reads_only_the_vertices(self):
        content = b"# o\nv 1 2 3\r\nvn 0 0 1\nvt 0 0\nv\t-4.5 5.25 0 1.0\nf 1 2 3\n  \nv 7 -8 9.5 0.1 0.2 0.3\n"
        self.assertEqual(self.read(content, obj.read), POINTS)

    def test_refuses_what_has_no_vertex_or_a_broken_one(self):
        self.assert_refused(b"hello\n", "not a scan", obj.read)
        self.assert_refused(b"", "not a scan", obj.read)
        self.assert_refused(b"v 1 2 3\nv 1 2\n", "Line 2 ", obj.read)
        self.assert_refused(b"v 1 2 x\n", "Line 1 ", obj.read)


if __name__ == "__main__":
    unittest.main()
