"""/examples/scan-reduce/v1: cleans a scan (PLY or OBJ) and thins it out to one point for each voxel.

Outputs: refined/reduced.ply and manifest.json. Option in the task's meta: voxel_size (in the scan's own unit).
"""

import hashlib
import time
from array import array

import cloud as clouds
import obj
import ply
import runner
from cloud import ScanError

MANIFEST_FORMAT = "posemesh-example-scan-reduce/1"
OUTPUT = "refined/reduced.ply"

# Two spacings: a voxel takes in about four points of a surface.
VOXEL_SPACINGS = 2


def sha256_of(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_scan():
    scans = runner.inputs("ply", "obj")
    if not scans:
        raise ScanError("The task has no scan among its inputs: one of data type 'ply' or 'obj' is needed.")
    if len(scans) > 1:
        runner.log("warn", f"{len(scans)} scans among the inputs; only the first, {scans[0].name}, is used")
    scan = scans[0]
    # The content decides, not the name: uploads are often mislabelled.
    return scan, ply.read(scan.path) if ply.is_ply(scan.path) else obj.read(scan.path)


def clean(cloud):
    """Returns the cleaned cloud and how many points each step dropped."""
    dropped = {}
    steps = (
        ("unusable", clouds.without_unusable, 30),
        ("duplicates", clouds.without_duplicates, 45),
        ("outliers", clouds.without_outliers, 70),
    )
    for name, step, percent in steps:
        before = len(cloud)
        cloud = step(cloud)
        dropped[name] = before - len(cloud)
        runner.progress(f"dropped_{name}", percent, dropped=dropped[name])
        if not cloud:
            raise ScanError("The scan has no usable point: every coordinate is missing, infinite or out of range.")
    return cloud, dropped


def write_reduced(reduced):
    interleaved = array("d", bytes(24 * len(reduced)))
    interleaved[0::3], interleaved[1::3], interleaved[2::3] = reduced.x, reduced.y, reduced.z
    with ply.Writer(runner.output_path(OUTPUT), len(reduced), "reduced by posemesh example scan-reduce") as writer:
        writer.write(interleaved)
        return writer.finish(), writer.size


def main():
    started = time.monotonic()
    voxel_size = runner.number_option("voxel_size", None, 1e-6, 1e6)
    runner.progress("reading", 0)
    scan, cloud = read_scan()
    points_read = len(cloud)
    if points_read == 0:
        raise ScanError("The scan is empty: it has no vertices.")
    runner.event("scan_read", name=scan.name, points=points_read)
    runner.progress("cleaning", 20, points=points_read)

    cleaned, dropped = clean(cloud)
    voxel_size = voxel_size or VOXEL_SPACINGS * clouds.spacing(cleaned)
    reduced = clouds.voxel_reduce(cleaned, voxel_size)
    runner.progress("reduced", 90, points=len(reduced))

    sha256, size = write_reduced(reduced)
    runner.write_json("manifest.json", {
        "format": MANIFEST_FORMAT,
        "source": {"name": scan.name, "data_id": scan.data_id, "data_type": scan.data_type,
                   "bytes": scan.path.stat().st_size, "sha256": sha256_of(scan.path)},
        "points": {"read": points_read, "dropped": dropped, "cleaned": len(cleaned), "reduced": len(reduced)},
        "voxel_size": voxel_size,
        "bounds": clouds.bounds(reduced),
        "output": {"path": OUTPUT, "bytes": size, "sha256": sha256},
        "seconds": round(time.monotonic() - started, 3),
    })
    runner.event("scan_reduced", points=len(reduced), sha256=sha256)
    runner.progress("completed", 100)


if __name__ == "__main__":
    runner.run(main)
