"""A task's workspace as a node would lay it out, and runs of the example runners in one."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SCAN = Path(__file__).resolve().parents[2] / "sdk" / "examples" / "scan"
sys.path.insert(0, str(SCAN))
sys.dont_write_bytecode = True


class Workspace:
    """with Workspace() as w: w.add_input(...); result = w.run("reduce.py")"""

    def __init__(self, meta=None):
        self._folder = tempfile.TemporaryDirectory(prefix="posemesh-example-")
        self.root = Path(self._folder.name)
        self.outputs = self.root / "outputs"
        self.outputs.mkdir()
        self._inputs = []
        (self.root / "task.json").write_text(json.dumps({"id": "t", "meta": meta}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def add_input(self, name, data_type, content):
        path = Path("datasets") / name / f"{name}.{data_type}"
        (self.root / path).parent.mkdir(parents=True)
        (self.root / path).write_bytes(content)
        self._inputs.append({"cid": name, "path": str(path), "data_id": f"id-{name}", "name": name,
                             "data_type": data_type, "domain_id": "d", "related_files": []})

    def run(self, script):
        """Returns the finished process; its stdout is the text a node would read."""
        (self.root / "inputs.json").write_text(json.dumps(self._inputs))
        environment = os.environ | {
            "POSEMESH_TASK_FILE": "task.json", "POSEMESH_INPUTS_FILE": str(self.root / "inputs.json"),
            "POSEMESH_OUTPUTS_DIR": str(self.outputs), "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run([sys.executable, SCAN / script], cwd=self.root, env=environment, capture_output=True,
                              text=True, timeout=120, check=False)

    def output(self, relative):
        return (self.outputs / relative).read_bytes()

    def output_names(self):
        return sorted(str(p.relative_to(self.outputs)) for p in self.outputs.rglob("*") if p.is_file())

    def fail_reason(self):
        path = self.root / "fail_reason.txt"
        return path.read_text() if path.exists() else None
