import math
import random
import unittest
from array import array

import workspace  # noqa: F401  (puts the example on the path)

import cloud as clouds
from cloud import Cloud, ScanError

NAN, INFINITY = math.nan, math.inf


def cloud_of(points):
    return Cloud(*zip(*points))


def plane(count, seed=1):
    generator = random.Random(seed)
    return [(generator.random(), generator.random(), generator.gauss(0, 0.001)) for _ in range(count)]


class Cleans(unittest.TestCase):
    def test_drops_points_that_are_no_points(self):
        points = [(1, 2, 3), (NAN, 0, 0), (0, INFINITY, 0), (0, 0, -INFINITY), (0, 1e300, 0), (4, 5, 6)]
        self.assertEqual(list(clouds.without_unusable(cloud_of(points)).points()), [(1, 2, 3), (4, 5, 6)])

    def test_keeps_the_first_of_exact_duplicates_in_order(self):
        points = [(1, 1, 1), (2, 2, 2), (1, 1, 1), (0, 0, 0), (2, 2, 2.0000001)]
        kept = list(clouds.without_duplicates(cloud_of(points)).points())
        self.assertEqual(kept, [(1, 1, 1), (2, 2, 2), (0, 0, 0), (2, 2, 2.0000001)])

    def test_drops_points_far_from_the_surface_and_no_other(self):
        surface = plane(5000)
        flying = [(0.5, 0.5, 3.0), (-2.0, 0.1, 0.4), (90.0, 90.0, 90.0)]
        kept = set(clouds.without_outliers(cloud_of(surface + flying)).points())
        self.assertFalse(kept & set(flying))
        self.assertGreater(len(kept), 4990)

    def test_leaves_small_and_evenly_sparse_clouds_alone(self):
        few = cloud_of([(0, 0, 0), (1, 1, 1), (50, 50, 50)])
        self.assertEqual(len(clouds.without_outliers(few)), 3)
        generator = random.Random(3)
        sparse = cloud_of([[generator.random() for _ in range(3)] for _ in range(300)])
        self.assertGreater(len(clouds.without_outliers(sparse)), 150)


class Reduces(unittest.TestCase):
    def test_puts_one_centroid_into_each_voxel_negative_ones_too(self):
        points = [(0.1, 0.1, 0.1), (0.3, 0.5, 0.9), (-0.1, 0.1, 0.1), (5.5, 5.5, 5.5)]
        reduced = list(clouds.voxel_reduce(cloud_of(points), 1.0).points())
        self.assertEqual(len(reduced), 3)
        for got, expected in zip(reduced[0], (0.2, 0.3, 0.5)):
            self.assertAlmostEqual(got, expected)
        self.assertEqual(reduced[1:], [(-0.1, 0.1, 0.1), (5.5, 5.5, 5.5)])

    def test_estimates_the_spacing_of_a_plane_whatever_its_unit_and_its_wild_points(self):
        for unit in (1e-3, 1.0, 1e4):
            points = [(x * unit, y * unit, z * unit) for x, y, z in plane(10000)] + [(1e9, 1e9, 1e9)]
            self.assertLess(clouds.spacing(cloud_of(points)), 0.03 * unit)
            self.assertGreater(clouds.spacing(cloud_of(points)), 0.005 * unit)

    def test_has_a_spacing_for_degenerate_clouds(self):
        self.assertEqual(clouds.spacing(cloud_of([(1, 1, 1)])), 1.0)
        self.assertGreater(clouds.spacing(cloud_of([(float(i), 0, 0) for i in range(100)])), 0)
        extreme = clouds.spacing(cloud_of([(-1e15, 0, 0), (1e15, 1e-300, 0)]))
        self.assertTrue(math.isfinite(extreme) and extreme > 0)


class Densifies(unittest.TestCase):
    def dense(self, points, count, seed=5):
        joined = array("d")
        for block in clouds.densify(cloud_of(points), count, random.Random(seed).random):
            joined.extend(block)
        return joined

    def test_has_the_count_asked_for_and_begins_with_the_source(self):
        source = plane(300)
        dense = self.dense(source, 5001)
        self.assertEqual(len(dense), 3 * 5001)
        self.assertEqual(list(zip(*[iter(dense[:900])] * 3)), source)

    def test_keeps_new_points_on_the_surface(self):
        dense = self.dense(plane(2000), 10000)
        self.assertLess(max(map(abs, dense[2::3])), 0.01)
        self.assertGreaterEqual(min(dense[0::3]), 0)
        self.assertLessEqual(max(dense[0::3]), 1)

    def test_fills_the_triangle_between_neighbours_and_not_only_its_edges(self):
        dense = self.dense([(0, 0, 0), (1, 0, 0), (0, 1, 0)], 100)
        inside = [x > 0.01 and y > 0.01 and x + y < 0.99 for x, y in zip(dense[0::3], dense[1::3])]
        self.assertGreater(sum(inside), 50)

    def test_gives_the_same_for_the_same_seed_only(self):
        source = plane(300)
        self.assertEqual(self.dense(source, 2000), self.dense(source, 2000))
        self.assertNotEqual(self.dense(source, 2000), self.dense(source, 2000, seed=6))

    def test_adds_nothing_when_there_are_enough_points(self):
        self.assertEqual(len(self.dense(plane(100), 10)), 300)

    def test_refuses_a_cloud_without_neighbours(self):
        with self.assertRaises(ScanError):
            self.dense([(0, 0, 0), (1e6, 0, 0)], 10)

    def test_finds_the_nearest_neighbours(self):
        points = plane(500)
        cloud = cloud_of(points)
        found = list(clouds.neighbours(cloud, 0.3, 4))
        for index in range(0, 500, 50):
            ranked = sorted((math.dist(points[index], p), i) for i, p in enumerate(points) if i != index)
            self.assertEqual(found[index], [i for _, i in ranked[:4]])


if __name__ == "__main__":
    unittest.main()
