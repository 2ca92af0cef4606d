"""Tries mutants: compiles one against a build of its own, and runs the unit tests that are to notice it."""

import hashlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import time

from mutants import without_comments

CPU_SECONDS = 3  # beyond what a test takes: a mutant that runs for ever is caught
SECONDS = 60  # for one that waits for ever, on a machine that may be busy
MEMORY_MB = 1024

MACRO_DEFINITION = re.compile(r"^#define (?:[^\\\n]|\\[\s\S])*", re.MULTILINE)


class Build:
    """The unit tests as they are, with the sanitizers that tests/run has, without debug information."""

    def __init__(self, root, folder):
        self.root, self.folder = root, folder

    def make(self, programs):
        subprocess.run(
            ["cmake", "-S", self.root, "-B", self.folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DPOSEMESH_SANITIZE=ON"]
            + ["-DCMAKE_C_FLAGS=", "-DCMAKE_C_FLAGS_DEBUG=-g0", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
            + ["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=gold"],  # ten times as fast
            check=True,
            stdout=subprocess.DEVNULL,
        )
        subprocess.run(["ninja", "-C", self.folder] + [f"unit/{name}" for name in programs], check=True, stdout=subprocess.DEVNULL)
        commands = json.loads((self.folder / "compile_commands.json").read_text())
        self.compilers = {entry["file"]: shlex.split(entry["command"]) for entry in commands}
        self.read_dependencies()
        self.linkers = {name: self.link_command(name) for name in programs}
        self.seconds = {name: self.measure(name) for name in programs}

    def link_command(self, program):
        listed = subprocess.run(
            ["ninja", "-C", self.folder, "-t", "commands", f"unit/{program}"], check=True, capture_output=True, text=True
        )
        last = listed.stdout.splitlines()[-1]
        return shlex.split(last.removeprefix(": && ").removesuffix(" && :"))

    def measure(self, program):
        begin = time.monotonic()
        if not self.passes(self.folder / "unit" / program, CPU_SECONDS * 10):
            raise SystemExit(f"{program} fails without any mutation")
        return time.monotonic() - begin

    # --- compiling ---

    def compile(self, source, output, text=None, shadow=None, optimised=False):
        """Of the source, or of `text` in its place; headers in the folder `shadow` hide the project's. False when the compiler
        refuses it, with all warnings that the project has."""
        command = self.compilers[str(source)]
        flags = [flag for flag in command[: command.index("-o")] if not (optimised and flag.startswith("-fsanitize"))]
        if optimised:
            # Guesses at what is likely would tell apart code that does the same: a `continue` where a loop ends anyway.
            flags += ["-O2", "-fno-guess-branch-probability"]
        if shadow:
            flags.insert(1, f"-I{shadow}")
        # The same name for all mutants: it is in the object, where an assertion is.
        given = f'#line 1 "{source}"\n{text}' if text else None
        arguments = flags + ["-o", output, "-c", *(["-x", "c", "-"] if text else [source])]
        done = subprocess.run(
            arguments, cwd=self.folder, input=given, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
        return done.returncode == 0

    def optimised_code(self, source, folder, text=None, shadow=None):
        """A digest: mutants of the same code do the same. None when it does not compile."""
        output = folder / "optimised.o"
        if not self.compile(source, output, text, shadow, optimised=True):
            return None
        return hashlib.sha256(output.read_bytes()).hexdigest()

    # --- running ---

    def link(self, program, objects, output):
        """With `objects` before the libraries, so that they take the place of what is there. A test's own object is replaced."""
        command = list(self.linkers[program])
        own = next(index for index, word in enumerate(command) if word.endswith("_test.c.o"))
        test = self.root / "tests" / "unit" / pathlib.Path(command[own]).name.removesuffix(".o")
        others = [path for source, path in objects.items() if source != test]
        command[own : own + 1] = [str(objects.get(test, command[own])), *map(str, others)]
        command[command.index("-o") + 1] = str(output)
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def passes(self, program, cpu_seconds):
        environment = dict(
            os.environ,
            POSEMESH_SOURCE_DIR=str(self.root),
            ASAN_OPTIONS=f"hard_rss_limit_mb={MEMORY_MB}:allocator_may_return_null=0:max_allocation_size_mb={MEMORY_MB}",
        )
        running = subprocess.Popen(
            # prlimit and no function of ours between fork and exec: other threads may hold locks then.
            ["prlimit", f"--cpu={cpu_seconds}:{cpu_seconds + 1}", "--core=0", program],
            cwd=self.folder,
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return running.wait(timeout=SECONDS) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(running.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            running.wait()

    def notices(self, program, objects, folder):
        output = folder / program
        if not self.link(program, objects, output):
            return None
        noticed = not self.passes(output, int(CPU_SECONDS + 10 * self.seconds[program]))
        output.unlink()
        return noticed

    # --- what a header's line reaches ---

    def read_dependencies(self):
        """The project's headers that each source includes, itself or by others."""
        listed = subprocess.run(["ninja", "-C", self.folder, "-t", "deps"], check=True, capture_output=True, text=True).stdout
        self.headers = {}
        for block in listed.split("\n\n"):
            files = [pathlib.Path(line.strip()) for line in block.splitlines()[1:]]
            ours = [path for path in files if path.is_relative_to(self.root)]
            if ours:
                self.headers[ours[0]] = set(ours[1:])

    def reached_by(self, header, name):
        """The sources of services that a change of this constant or macro of the header may change, and the tests that name it.
        What stands in a macro reaches the source of the same name alone: it is where our tables of macros become code."""
        word = re.compile(rf"\b{name}\b(?! =)")
        naming = set()
        for path in self.all_files():
            text = without_comments(path.read_text())
            is_table = path == header and f"#define {name}(" in text
            if word.search(MACRO_DEFINITION.sub("", text)) and not is_table:
                naming.add(path)
            elif word.search(text):
                naming.add(path.with_suffix(".c"))
        reached = []
        for source, headers in self.headers.items():
            if header not in headers:
                continue
            if source.parent.name == "unit":
                if source in naming:
                    reached.append(source)
            elif source.name != "main.c" and naming & {source, *headers}:
                reached.append(source)
        return reached

    def all_files(self):
        return set(self.headers).union(*self.headers.values())
