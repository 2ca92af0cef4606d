"""/examples/scan-densify/v1: turns the reduced cloud of scan-reduce into a dense one, by new points between neighbours.

Outputs: dense/dense.ply (large enough to go up in parts) and dense_manifest.json, which holds its SHA-256. Option in the
task's meta: points, how many the dense cloud has at least. The same reduced cloud always gives the same dense one.
"""

import json
import random
import time

import cloud as clouds
import ply
import reduce
import runner
from cloud import ScanError

MANIFEST_FORMAT = "posemesh-example-scan-densify/1"
OUTPUT = "dense/dense.ply"

# 24 bytes each: 14.4 MB, above the size from which a node stores in parts unless told otherwise (8 MiB).
POINTS = 600_000
MOST_POINTS = 20_000_000


def reduce_manifest():
    """The manifest that scan-reduce wrote, when it is among the inputs."""
    for item in runner.inputs("json"):
        try:
            manifest = json.loads(item.path.read_text())
        except ValueError:
            continue
        if isinstance(manifest, dict) and manifest.get("format") == reduce.MANIFEST_FORMAT:
            return manifest
    return None


def find_reduced():
    """The reduced cloud's input and its SHA-256, checked against the manifest that came with it."""
    candidates = runner.inputs("ply")
    if not candidates:
        raise ScanError("The task has no reduced cloud among its inputs: one of data type 'ply' is needed.")
    manifest = reduce_manifest()
    if manifest is None:
        runner.log("warn", "no manifest of scan-reduce among the inputs; the first PLY is taken as it is")
        return candidates[0], reduce.sha256_of(candidates[0].path)
    expected = manifest.get("output", {}).get("sha256")
    for item in candidates:
        if reduce.sha256_of(item.path) == expected:
            return item, expected
    raise ScanError("None of the PLY inputs is the cloud that the manifest of scan-reduce describes.")


def write_dense(source, count, seed):
    generator = random.Random(seed)
    reported = 0
    with ply.Writer(runner.output_path(OUTPUT), count, f"densified by posemesh example, seed {seed}") as writer:
        for block in clouds.densify(source, count, generator.random):
            writer.write(block)
            percent = 20 + 75 * writer.written // count
            if percent >= reported + 10:
                runner.progress("densifying", percent, points=writer.written)
                reported = percent
        return writer.finish(), writer.size


def main():
    started = time.monotonic()
    wanted = int(runner.number_option("points", POINTS, 1, MOST_POINTS))
    runner.progress("reading", 0)
    item, source_sha256 = find_reduced()
    # The manifest proves the bytes, not that they suit: a PLY of any other origin gets the same care.
    source = clouds.without_unusable(ply.read(item.path))
    if not source:
        raise ScanError("The reduced cloud is empty.")
    runner.event("cloud_read", name=item.name, points=len(source))
    runner.progress("densifying", 20, points=len(source))

    count = max(wanted, len(source))
    seed = int(source_sha256[:8], 16)
    sha256, size = write_dense(source, count, seed)
    runner.write_json("dense_manifest.json", {
        "format": MANIFEST_FORMAT,
        "source": {"name": item.name, "data_id": item.data_id, "points": len(source), "sha256": source_sha256},
        "seed": seed,
        "points": count,
        "output": {"path": OUTPUT, "bytes": size, "sha256": sha256},
        "seconds": round(time.monotonic() - started, 3),
    })
    runner.event("cloud_densified", points=count, bytes=size, sha256=sha256)
    runner.progress("completed", 100)


if __name__ == "__main__":
    runner.run(main)
