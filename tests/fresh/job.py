"""A job for README's node: waits until the example that reduces scans has worked on one.

usage: job.py DEVNET_ENV CHECKOUT
"""
import json
import os
import subprocess
import sys
import uuid

env_file, checkout = sys.argv[1:]
sys.path.append(os.path.join(checkout, "deploy", "lib"))
from demo_network import Network, request  # noqa: E402

SCAN = "/tmp/room.ply"

with open(env_file) as env:
    network = Network(env.read(), str(uuid.uuid4()))
subprocess.run([sys.executable, "-B", os.path.join(checkout, "sdk/examples/scan/make_room.py"), SCAN], check=True)
with open(SCAN, "rb") as scan:
    data_id = network.upload("room", "ply", scan.read())
job = network.post_job({
    "label": "readme", "domain_id": network.domain_id, "priority": 0, "meta": {}, "edges": [],
    "tasks": [{"label": "reduce", "stage": "reduce", "capability": "/examples/scan-reduce/v1", "capability_filters": {}, "priority": 0,
               "inputs_cids": [data_id], "outputs_prefix": "readme", "mode": "public", "meta": {}, "max_attempts": 3}]})
waiting = f"{network.settings['DMS_BASE_URL']}/jobs/{job['id']}?wait_ms=60000"
for _ in range(5):
    answer = json.loads(request("GET", waiting, network.settings["APP_TOKEN"], timeout=90))
    if answer["status"] in ("completed", "failed", "cancelled"):
        break
print(f"the job is {answer['status']}: {json.dumps(answer['tasks'][0])[:400]}")
sys.exit(answer["status"] != "completed")
