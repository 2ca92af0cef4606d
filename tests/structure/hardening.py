"""What the compiler and the linker did for each program against mistakes in it (cmake/PosemeshCompiler.cmake)."""
import platform
import re
import subprocess

# As the debug information of each C source tells them.
FLAGS = {"-fstack-protector-strong": "guards return addresses", "-fstack-clash-protection": "keeps the stack off the heap"}
FLAGS_OF_MACHINE = {"x86_64": {"-fcf-protection=full": "marks where calls may go"},
                    "aarch64": {"-mbranch-protection=standard": "marks where calls may go, and signs return addresses"}}


def told(program, *options):
    return subprocess.run(["readelf", "-W", *options, program], capture_output=True, text=True, check=True).stdout


def segment(headers, name):
    return next((line for line in headers.splitlines() if line.strip().startswith(name)), "")


def faults_of(program):
    """What is missing of it, in words."""
    headers, dynamic, symbols = told(program, "-lh"), told(program, "-d"), told(program, "--dyn-syms")
    checks = {
        "is no position-independent program": "NOW PIE" in dynamic and "DYN" in headers,
        "looks functions up when they are called (no BIND_NOW)": "BIND_NOW" in dynamic,
        "can write to its tables of functions (no RELRO)": segment(headers, "GNU_RELRO"),
        "has a stack that can be executed": re.search(r" RW +0x", segment(headers, "GNU_STACK")),
        "calls no checked function of the C library (no FORTIFY)": re.search(r"__(?!stack)\w+_chk", symbols),
    }
    if platform.machine() == "x86_64":
        checks["is not marked for a shadow stack"] = "SHSTK" in told(program, "-n")
    return [fault for fault, ok in checks.items() if not ok]


def missing_flags(program):
    """Of sources that were compiled without one."""
    wanted = {**FLAGS, **FLAGS_OF_MACHINE.get(platform.machine(), {})}
    listing = told(program, "--debug-dump=info")
    producers = [line for line in listing.splitlines() if "DW_AT_producer" in line and "GNU C" in line]
    if not producers:
        return ["has no debug information that tells how it was compiled"]
    return [f"has {sum(flag not in line for line in producers)} sources compiled without {flag}, which {meaning}"
            for flag, meaning in wanted.items() if not all(flag in line for line in producers)]


def unfortified(build):
    """Level 3 leaves no trace in a program, so that is looked for where it is asked for."""
    commands = (build / "compile_commands.json").read_text()
    return [] if "-D_FORTIFY_SOURCE=3" in commands else ["the build does not ask for FORTIFY 3"]


def soft_programs(_root, build):
    return unfortified(build) + [f"{path.name} {fault}" for path in sorted((build / "bin").glob("*"))
                                 for fault in (*faults_of(path), *missing_flags(path))]
