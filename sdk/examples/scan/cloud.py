"""Point clouds as three flat arrays, and the steps that clean, reduce and describe one.

Everything here is a function of its arguments: no files, no clock, no global randomness, so that the same scan always
gives the same result and the tests need nothing but numbers.
"""

import math
from array import array
from itertools import compress

# Beyond this a coordinate is a sensor fault, whatever its unit. NaN and the infinities fail the same comparison.
LARGEST_COORDINATE = 1e15

# A voxel edge below this would turn coordinates into cell numbers no computer needs.
SMALLEST_SPACING = 1e-9

# With fewer points than this "few neighbours" says nothing about a point.
FEWEST_FOR_OUTLIERS = 200

NEIGHBOUR_CELLS = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]


class ScanError(Exception):
    """A scan that cannot be used. The text is a sentence for whoever uploaded it."""


class Cloud:
    """Points as three arrays of doubles: 24 bytes a point, where a tuple of floats would take 130."""

    def __init__(self, x=(), y=(), z=()):
        self.x = array("d", x)
        self.y = array("d", y)
        self.z = array("d", z)

    def __len__(self):
        return len(self.x)

    def points(self):
        return zip(self.x, self.y, self.z)

    def keep(self, mask):
        """A new cloud of the points whose byte in mask is not 0."""
        return Cloud(compress(self.x, mask), compress(self.y, mask), compress(self.z, mask))


def without_unusable(cloud):
    low, high = -LARGEST_COORDINATE, LARGEST_COORDINATE
    return cloud.keep(bytearray(low < x < high and low < y < high and low < z < high for x, y, z in cloud.points()))


def without_duplicates(cloud):
    """Of points with the very same coordinates the first one stays."""
    unique = dict.fromkeys(cloud.points())
    if len(unique) == len(cloud):
        return cloud
    return Cloud(*zip(*unique))


def bounds(cloud):
    return {
        "min": [min(cloud.x), min(cloud.y), min(cloud.z)],
        "max": [max(cloud.x), max(cloud.y), max(cloud.z)],
    }


def _robust_extents(cloud):
    """Edges of the box that holds the middle 98% of the points on each axis, longest first: a few wild points must not
    decide how large the voxels are."""
    step = max(1, len(cloud) // 20000)
    extents = []
    for values in (cloud.x, cloud.y, cloud.z):
        sample = sorted(values[::step])
        cut = len(sample) // 100
        extents.append(sample[len(sample) - 1 - cut] - sample[cut])
    return sorted(extents, reverse=True)


def spacing(cloud):
    """The typical distance between neighbours, as if the points lay evenly on the surface of their box: a scan sees
    surfaces, so its density is one per area."""
    longest, middle, shortest = _robust_extents(cloud)
    if longest <= 0:
        return 1.0
    # Ratios first: the plain product of two large extents could overflow.
    b, c = middle / longest, shortest / longest
    area = 2 * (b + b * c + c)
    count = len(cloud)
    estimate = longest * math.sqrt(area / count) if area > 0 else longest / count
    return max(estimate, longest / count, SMALLEST_SPACING)


def cells_of(cloud, size):
    """The voxel of each point, as (i, j, k)."""
    floor = math.floor
    scale = 1 / size
    return [(floor(x * scale), floor(y * scale), floor(z * scale)) for x, y, z in cloud.points()]


def without_outliers(cloud):
    """Drops points with hardly anything around them.

    A voxel of four spacings holds some 16 points of a surface, and with its 26 neighbours some 140. A point whose
    neighbourhood has less than a twentieth of the median is dust, a reflection, or a flying pixel.
    """
    if len(cloud) < FEWEST_FOR_OUTLIERS:
        return cloud
    cells = cells_of(cloud, 4 * spacing(cloud))
    population = {}
    for cell in cells:
        population[cell] = population.get(cell, 0) + 1
    around = {}
    for i, j, k in population:
        around[i, j, k] = sum(population.get((i + a, j + b, k + c), 0) for a, b, c in NEIGHBOUR_CELLS)
    ranked = sorted(around.values())
    threshold = max(3, ranked[len(ranked) // 2] / 20)
    kept = cloud.keep(bytearray(around[cell] >= threshold for cell in cells))
    # A cloud that is sparse all over has no outliers, it is just sparse.
    return kept if len(kept) >= len(cloud) // 2 else cloud


def voxel_reduce(cloud, size):
    """One point for each occupied voxel: the centroid of its points, in the order in which voxels first appear."""
    index = {}
    sums_x, sums_y, sums_z, counts = [], [], [], []
    for cell, (x, y, z) in zip(cells_of(cloud, size), cloud.points()):
        at = index.get(cell)
        if at is None:
            index[cell] = len(counts)
            sums_x.append(x)
            sums_y.append(y)
            sums_z.append(z)
            counts.append(1)
        else:
            sums_x[at] += x
            sums_y[at] += y
            sums_z[at] += z
            counts[at] += 1
    return Cloud(*([s / n for s, n in zip(sums, counts)] for sums in (sums_x, sums_y, sums_z)))


def neighbours(cloud, size, most):
    """Yields for each point the indices of up to `most` nearest points from its voxel (of edge `size`) and the 26
    around it. Ties go to the lower index, so that the result does not depend on anything but the cloud."""
    cells = cells_of(cloud, size)
    members = {}
    for index, cell in enumerate(cells):
        members.setdefault(cell, []).append(index)
    px, py, pz = cloud.x, cloud.y, cloud.z
    # All points of a voxel share their candidates; a voxel's list is gathered once.
    candidates_of = {}
    for index, cell in enumerate(cells):
        candidates = candidates_of.get(cell)
        if candidates is None:
            i, j, k = cell
            candidates = candidates_of[cell] = [
                other for a, b, c in NEIGHBOUR_CELLS for other in members.get((i + a, j + b, k + c), ())
            ]
        x, y, z = px[index], py[index], pz[index]
        ranked = sorted(
            ((px[o] - x) ** 2 + (py[o] - y) ** 2 + (pz[o] - z) ** 2, o) for o in candidates if o != index
        )
        yield [o for _, o in ranked[:most]]


def densify(cloud, count, random):
    """Yields arrays of interleaved x, y, z: first the cloud's own points, then new ones up to `count` in all.

    A new point lies at a random place of the triangle between a point and two of its neighbours, so it stays on the
    surface. `random` is a function that returns numbers in [0, 1). Raises ScanError when no point has two neighbours.
    """
    own = array("d", bytes(24 * len(cloud)))
    own[0::3], own[1::3], own[2::3] = cloud.x, cloud.y, cloud.z
    yield own
    missing = count - len(cloud)
    if missing <= 0:
        return
    near = list(neighbours(cloud, 2 * spacing(cloud), 6))
    sources = [index for index, others in enumerate(near) if len(others) >= 2]
    if not sources:
        raise ScanError("The cloud is too sparse to densify: no point has two neighbours near it.")
    px, py, pz = cloud.x, cloud.y, cloud.z
    each, rest = divmod(missing, len(sources))
    block = array("d")
    for rank, index in enumerate(sources):
        x, y, z = px[index], py[index], pz[index]
        steps = [(px[o] - x, py[o] - y, pz[o] - z) for o in near[index]]
        choices = len(steps)
        for _ in range(each + (rank < rest)):
            first = int(random() * choices)
            # The second corner is another one, else the triangle would be a line.
            second = (first + 1 + int(random() * (choices - 1))) % choices
            u, v = random(), random()
            if u + v > 1:
                u, v = 1 - u, 1 - v
            (ax, ay, az), (bx, by, bz) = steps[first], steps[second]
            block.extend((x + u * ax + v * bx, y + u * ay + v * by, z + u * az + v * bz))
        if len(block) >= 3 * 16384:
            yield block
            block = array("d")
    yield block
