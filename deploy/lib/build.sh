# shellcheck shell=bash
# Builds the project for the scripts that run it: what runs is what the sources say, or a sentence says why not. Source this, then
# call posemesh_build; posemesh_need_build_folder before a script writes into build/ itself.

# posemesh_build ROOT PRESET
# Sets posemesh_built to the folder of the build; the programs are in its bin/. That is ROOT/build/PRESET, and in a checkout that
# one may not write to a folder of one's own, unless what its owner built there is up to date. Says nothing when there is nothing
# to do. Two at once wait for each other instead of building over each other.
posemesh_build() {
    # shellcheck disable=SC2034
    posemesh_built=$(posemesh_as_owner "$1" posemesh_build_here "$1" "$2")
}

# posemesh_need_build_folder ROOT NAME...
# For what can only build and write in the checkout itself: makes ROOT/build and these folders in it, or says why it cannot.
posemesh_need_build_folder() {
    posemesh_as_owner "$1" posemesh_make_build_folders "$@"
}

# posemesh_as_owner ROOT COMMAND...
# Runs what writes into the checkout. Root does that as the checkout's owner, whose files these are to be: what root leaves there
# its owner can build no more. COMMAND may be a function of this file.
# Compilers and tests have no business with a node's secrets, which an operator may have exported. An owner gets of root's environment
# what is named here, and of its descriptors the first three.
posemesh_as_owner() (
    unset REG_SECRET SECP256K1_PRIVHEX ROBOT_REGISTRATION_CREDENTIALS
    root=$1
    shift
    owner=$(stat -c %u "$root") || exit 1
    if [[ $EUID -ne 0 || $owner -eq 0 ]]; then
        "$@"
        exit
    fi
    # An owner without a name is a folder mounted into a container: it has no other groups and no home.
    who=(--regid "$(stat -c %g "$root")" --clear-groups)
    home=/
    if entry=$(getent passwd "$owner"); then
        IFS=: read -r _ _ _ group _ home _ <<<"$entry"
        who=(--regid "$group" --init-groups)
    fi
    kept=()
    for name in PATH TERM LANG LC_ALL TZ CC CXX JOBS CMAKE_BUILD_PARALLEL_LEVEL; do
        [[ -z ${!name+set} ]] || kept+=("$name=${!name}")
    done
    # All are listed before one is closed, since bash lists with one of its own.
    open=(/proc/self/fd/*)
    for descriptor in "${open[@]##*/}"; do
        [[ $descriptor -le 2 ]] || eval "exec $descriptor>&-"
    done
    # shellcheck disable=SC2016
    exec env -i "${kept[@]}" HOME="$home" setpriv --reuid "$owner" "${who[@]}" \
        bash -c 'source "$0" && "$@"' "$root/deploy/lib/build.sh" "$@"
)

# posemesh_give_back ROOT FOLDER: what root had to make itself is the owner's in the end.
posemesh_give_back() {
    [[ $EUID -ne 0 || $(stat -c %u "$1") -eq 0 ]] || chown -R --reference "$1" "$2"
}

# posemesh_become_owner ROOT SCRIPT ARGUMENT...
# For a script that needs no root and writes into build/ all over: started by root it begins anew as the checkout's owner.
posemesh_become_owner() {
    if [[ $EUID -eq 0 && $(stat -c %u "$1") -ne 0 ]]; then
        posemesh_as_owner "$@"
        exit
    fi
}

# --- as the one who builds ---

# posemesh_build_here ROOT PRESET: builds, and prints the folder.
posemesh_build_here() {
    local root=$1 preset=$2 base=$1/build obstacle
    obstacle=$(posemesh_obstacle "$root" "$preset" "$preset.lock" "$preset.log" "$preset.sources")
    if [[ -n $obstacle ]]; then
        if posemesh_is_up_to_date "$root" "$base/$preset"; then
            echo "$base/$preset"
            return 0
        fi
        if posemesh_is_left_behind "$root" "$obstacle"; then
            posemesh_explain "$root" "$obstacle"
            return 1
        fi
        base=${XDG_CACHE_HOME:-$HOME/.cache}/posemesh/$(sha256sum <<<"$root" | cut -c 1-12)
    fi
    if ! mkdir -p "$base" 2>/dev/null || [[ ! -w $base ]]; then
        posemesh_explain "$root" "$obstacle"
        echo "nor can a build be put into $base: set XDG_CACHE_HOME to a folder that $(posemesh_name) may write to" >&2
        return 1
    fi
    [[ -z $obstacle ]] || echo "$obstacle is not $(posemesh_name)'s to write to: the build is in $base" >&2
    posemesh_build_into "$root" "$preset" "$base" && echo "$base/$preset"
}

posemesh_build_into() {
    local root=$1 preset=$2 base=$3
    if ! command -v cmake >/dev/null || ! command -v ninja >/dev/null; then
        echo "cmake and ninja are needed to build; deploy/install-deps installs all that is missing" >&2
        return 1
    fi
    [[ -e $base/$preset/build.ninja ]] || echo "building (a minute or two the first time) ..." >&2
    if ! posemesh_build_locked "$root" "$preset" "$base/$preset"; then
        tail -n 40 "$base/$preset.log" >&2
        echo "the build failed; all of its output is in $base/$preset.log" >&2
        return 1
    fi
}

posemesh_build_locked() (
    mask=$(umask)
    # Nobody else's to open, and so to keep: whoever can read it could make a build wait for ever.
    umask 077
    exec 9>"$3.lock" || exit 1
    chmod 600 "$3.lock" || exit 1
    umask "$mask"
    if ! flock -n 9; then
        echo "waiting for another build in $3, which has $3.lock ..." >&2
        flock 9 || exit 1
    fi
    cd "$1" || exit 1
    # As they are before: of one that is edited meanwhile nobody knows which of the two was compiled.
    sources=$(posemesh_sources "$1")
    rm -f "$3.sources"
    # Ninja configures anew by itself when a CMake file changed. The lock must not outlive us in a compiler cache's
    # background process, hence 9>&-.
    { [[ -e $3/build.ninja ]] || cmake --preset "$2" -B "$3"; } >"$3.log" 2>&1 9>&- || exit 1
    cmake --build "$3" >>"$3.log" 2>&1 9>&- || exit 1
    echo "$sources" >"$3.sources"
)

# A digest of all that is compiled and of what says how. Ninja itself cannot be asked in a folder that one may not write to.
posemesh_sources() {
    (
        # What find compares paths with are patterns, which this one's name may look like.
        cd "$1" || exit 1
        find . \( -path ./build -o -path ./.git \) -prune -o -type f \( -name '*.[ch]' -o -name 'CMake*' -o -name '*.cmake' \) -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
    ) | sha256sum
}

posemesh_is_up_to_date() {
    [[ -r $2.sources && $(<"$2.sources") == "$(posemesh_sources "$1")" ]]
}

# The first of the paths NAME... in ROOT/build, or of what has to be there before them, that one may not write to:
# posemesh_obstacle ROOT NAME...
posemesh_obstacle() {
    local root=$1
    shift
    if [[ ! -e $root/build ]]; then
        [[ -w $root ]] || echo "$root"
    elif [[ ! -w $root/build ]]; then
        echo "$root/build"
    else
        find "${@/#/$root/build/}" ! -type l ! -writable -print -quit 2>/dev/null
    fi
}

# In a checkout of one's own somebody else's file is what a sudo left there.
posemesh_is_left_behind() { [[ -O $1 && ! -O $2 ]]; }

posemesh_explain() {
    if posemesh_is_left_behind "$1" "$2"; then
        echo "$2 belongs to $(stat -c %U "$2"), so $(posemesh_name) cannot build in this checkout." \
            "Give it back: sudo chown -R $(posemesh_name) $1/build" >&2
    elif [[ -n $2 ]]; then
        echo "$2 is not $(posemesh_name)'s to write to" >&2
    fi
}

# Who has no name is a number; id prints that as the name, too, but fails.
posemesh_name() { id -un 2>/dev/null || true; }

posemesh_make_build_folders() {
    local root=$1 obstacle
    shift
    obstacle=$(posemesh_obstacle "$root" "$@")
    [[ -n $obstacle ]] || { mkdir -p "${@/#/$root/build/}" && return 0; }
    posemesh_explain "$root" "$obstacle"
    posemesh_is_left_behind "$root" "$obstacle" || echo "what builds and tests needs a checkout of one's own" >&2
    return 1
}
