"""Wavefront OBJ files: their vertices. Everything else in one (faces, normals, materials) does not matter here."""

from cloud import Cloud, ScanError
from ply import MOST_VERTICES


def read(path):
    """The `v` lines of an OBJ file as a Cloud. Raises ScanError."""
    cloud = Cloud()
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            if line[:2] not in (b"v ", b"v\t"):
                continue
            try:
                x, y, z = map(float, line.split()[1:4])
            except ValueError:
                text = line[:80].decode("latin-1").strip()
                raise ScanError(f"Line {number} of the OBJ file is no vertex: {text!r}.") from None
            cloud.x.append(x)
            cloud.y.append(y)
            cloud.z.append(z)
            if len(cloud) > MOST_VERTICES:
                raise ScanError(f"The scan has more than {MOST_VERTICES} vertices, which is not supported.")
    if not cloud:
        raise ScanError("The file is not a scan: it is no PLY file and has no OBJ vertices.")
    return cloud
