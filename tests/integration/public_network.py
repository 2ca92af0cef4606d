#!/usr/bin/env python3
"""In a network of its own, where this machine has a public address, a private one and names for them: a node whose DMS is at the
public one runs a task with a domain server at each. Prints why they failed, if they did, and who warned of plain HTTP, as JSON.
test_private_servers runs it, as root, by `unshare --net --mount`.
"""
import json
import os
import subprocess
import sys
import tempfile

import harness

PUBLIC, PRIVATE = "203.0.113.7", "10.1.2.3"
NAMES = [(PUBLIC, "storage.example"), (PRIVATE, "rebound.example"), (PRIVATE, "both.example"), (PUBLIC, "both.example")]
HOSTS = (PUBLIC, "storage.example", "both.example", PRIVATE, "rebound.example", "127.0.0.1", "localhost")


def prepare():
    """The addresses, on the one interface that there is, and the names, in a file in place of /etc/hosts."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (PUBLIC, PRIVATE):
        subprocess.run(["ip", "address", "add", address + "/32", "dev", "lo"], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".hosts") as hosts:
        hosts.write("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for address, name in NAMES))
        hosts.flush()
        os.chmod(hosts.name, 0o644)
        subprocess.run(["mount", "--bind", hosts.name, "/etc/hosts"], check=True)


def main():
    prepare()
    port = harness.programs.free_port()
    devnet = harness.Network("--listen", f"0.0.0.0:{port}", "--public-origin", f"http://{PUBLIC}:{port}")
    node = harness.Node(devnet.env, ALLOW_INSECURE_DDS="true")
    shown = {}
    try:
        node.start()
        for host in HOSTS:
            devnet.admin("POST", "/overrides/lease", {"patch": {"domain_server_url": f"http://{host}:{port}/domain"}})
            job = devnet.run(["write", "a.json", 5])
            shown[host] = job["tasks"][0]["fail_reason"]
        warnings = [(line["service"], line["msg"].split("/")[2].split(":")[0]) for line in node.log.find_all("without TLS")]
        node.check_end()
    finally:
        node.remove()
        devnet.stop()
    print(json.dumps({"reasons": shown, "warnings": warnings}))


if __name__ == "__main__":
    sys.exit(main())
