"""Which libraries each program loads: those that it uses and no others."""
import subprocess

# Of what the programs name themselves; beside libc.
EXPECTED = {
    "posemesh-authd": "nng curl msgpackc crypto seccomp secp256k1",
    "posemesh-leased": "nng curl msgpackc crypto seccomp",
    "posemesh-stored": "nng curl msgpackc crypto seccomp sqlite3",
    "posemesh-httpd": "nng msgpackc crypto seccomp microhttpd",
    "posemesh-runnerd": "nng msgpackc crypto seccomp",
    "posemesh-node": "nng curl msgpackc crypto",
    "posemesh-job-shim": "",
    "posemesh-devnet": "curl crypto microhttpd sqlite3 jansson secp256k1",
}

# Of all that comes with them: a program that calls nobody outside has no use for these, nor for what hangs on them.
NEVER = {name: ("libcurl", "libldap", "libgssapi", "libjansson") for name in
         ("posemesh-httpd", "posemesh-runnerd", "posemesh-job-shim")}


def needed(program):
    listing = subprocess.run(["objdump", "-p", program], capture_output=True, text=True, check=True).stdout
    names = [line.split()[1] for line in listing.splitlines() if line.strip().startswith("NEEDED")]
    return {name.split(".so")[0].removeprefix("lib") for name in names} - {"c"}


def surprising_libraries(_root, build):
    faults = [f"{path.name} is built, and no libraries are expected of it" for path in sorted((build / "bin").glob("*"))
              if path.name not in EXPECTED]
    for name, expected in EXPECTED.items():
        program = build / "bin" / name
        if not program.exists():
            faults.append(f"{name} is not built")
            continue
        found = needed(program)
        for library in sorted(found ^ set(expected.split())):
            faults.append(f"{name} {'loads' if library in found else 'does not load'} {library}")
        loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        faults += [f"{name} ends up with {library}" for library in NEVER.get(name, ()) if library in loaded]
    return faults
