# shellcheck shell=bash
# Builds the project for the programs of deploy/. Source this, then call posemesh_build.

# posemesh_build ROOT PRESET
# Says nothing when there is nothing to do. Two at once wait for each other instead of building over each other.
posemesh_build() {
    local root=$1 preset=$2
    local folder=$root/build/$preset
    local log=$folder.log
    if ! command -v cmake >/dev/null || ! command -v ninja >/dev/null; then
        echo "cmake and ninja are needed to build; deploy/install-deps installs all that is missing" >&2
        return 1
    fi
    # Somebody else's checkout: what its owner built has to do.
    if [[ -e $folder/bin/posemesh-node && ! -w $root/build ]]; then return 0; fi
    mkdir -p "$root/build"
    [[ -e $folder/build.ninja ]] || echo "building (a minute or two the first time) ..." >&2
    if ! posemesh_build_locked "$root" "$preset" "$folder" "$log"; then
        tail -n 40 "$log" >&2
        echo "the build failed; all of its output is in $log" >&2
        return 1
    fi
}

# The compiler and CMake have no business with a node's secrets, which an operator may have exported.
posemesh_build_locked() (
    unset REG_SECRET SECP256K1_PRIVHEX ROBOT_REGISTRATION_CREDENTIALS
    exec 9>"$1/build/.lock"
    flock 9 || exit 1
    cd "$1" || exit 1
    # Ninja configures anew by itself when a CMake file changed. The lock must not outlive us in a compiler cache's
    # background process, hence 9>&-.
    { [[ -e $3/build.ninja ]] || cmake --preset "$2"; } >"$4" 2>&1 9>&- || exit 1
    cmake --build --preset "$2" >>"$4" 2>&1 9>&-
)
