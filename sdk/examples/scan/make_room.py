"""Makes the scan of a furnished room, as a depth camera would: a binary PLY with noise, flying points, repeated points
and a few that are not numbers. The same seed always gives the same file.

    python3 make_room.py [--points 200000] [--seed 7] room.ply
"""

import argparse
import random
import struct

NOT_A_NUMBER = float("nan")

# Width, depth and height in metres.
ROOM = (6.0, 5.0, 2.8)

# Boxes as (x, y, z of a corner, width, depth, height) and a colour: table top, cupboard, bed, crate.
FURNITURE = (
    ((2.2, 1.8, 0.72, 1.6, 0.9, 0.05), (150, 105, 60)),
    ((0.1, 3.6, 0.0, 0.6, 1.2, 2.0), (205, 200, 190)),
    ((4.0, 0.2, 0.0, 1.8, 2.0, 0.5), (70, 90, 140)),
    ((3.4, 4.2, 0.0, 0.5, 0.5, 0.5), (170, 140, 90)),
)


def box_faces(corner_and_size, colour):
    """The six faces of a box as (origin, edge, other edge, area, colour)."""
    x, y, z, w, d, h = corner_and_size
    for origin, edge, other in (
        ((x, y, z), (w, 0, 0), (0, d, 0)), ((x, y, z + h), (w, 0, 0), (0, d, 0)),
        ((x, y, z), (w, 0, 0), (0, 0, h)), ((x, y + d, z), (w, 0, 0), (0, 0, h)),
        ((x, y, z), (0, d, 0), (0, 0, h)), ((x + w, y, z), (0, d, 0), (0, 0, h)),
    ):
        yield origin, edge, other, sum(edge) * sum(other), colour


def room_faces():
    yield from box_faces((0, 0, 0, *ROOM), (225, 222, 215))
    for box, colour in FURNITURE:
        yield from box_faces(box, colour)


def surface_points(count, generator):
    """Points spread evenly over all faces, with the few millimetres of noise a depth camera has."""
    faces = list(room_faces())
    noise, uniform = generator.gauss, generator.random
    for origin, edge, other, _, colour in generator.choices(faces, [face[3] for face in faces], k=count):
        u, v = uniform(), uniform()
        x, y, z = (o + u * e + v * f + noise(0, 0.003) for o, e, f in zip(origin, edge, other))
        yield x, y, z, *colour


def flaws(count, generator, points):
    """What makes a scan a raw one: flying points, points seen twice, points without a depth."""
    for _ in range(count // 200):
        yield *(generator.uniform(-0.5, 1.5) * edge for edge in ROOM), 255, 0, 255
    for _ in range(count // 100):
        yield points[generator.randrange(len(points))]
    for _ in range(count // 1000):
        yield NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER, 0, 0, 0


def write_room(path, count, seed):
    generator = random.Random(seed)
    points = list(surface_points(count - count // 200 - count // 100 - count // 1000, generator))
    points.extend(flaws(count, generator, points))
    generator.shuffle(points)
    record = struct.Struct("<fffBBB")
    header = [
        "ply", "format binary_little_endian 1.0", f"comment a room, seed {seed}", f"element vertex {len(points)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {colour}" for colour in ("red", "green", "blue")), "end_header", "",
    ]
    with open(path, "wb") as stream:
        stream.write("\n".join(header).encode())
        stream.write(b"".join(record.pack(*point) for point in points))


def main():
    parser = argparse.ArgumentParser(description="Makes the seeded scan of a room as a binary PLY.")
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("path")
    arguments = parser.parse_args()
    write_room(arguments.path, arguments.points, arguments.seed)


if __name__ == "__main__":
    main()
