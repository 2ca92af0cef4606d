# The steps of tests/run: functions that schedule.py calls, each in a bash of its own that sources this, with the name of the
# step in $step and a folder for what it leaves in $results. A step writes TAP lines ("ok N - name", "not ok N - name",
# "ok N - name # SKIP reason") to $results/$step.tap or $results/$step.<program>.tap and prints what failed. Its exit status
# is 0 unless what comes after it cannot run.
# shellcheck shell=bash disable=SC2154

set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1
cores=$(nproc)
export POSEMESH_SOURCE_DIR=$root

# Debian's Python, which sees Debian's modules, even where another one comes first in PATH.
python=/usr/bin/python3

# shellcheck source=deploy/lib/build.sh
source "$root/deploy/lib/build.sh"

# Records the outcome of a step that is a single check: record ok|"not ok" NAME [LOG]
record() {
    printf '%s 1 - %s\n' "$1" "$2" >>"$results/$step.tap"
    if [ "$1" = "not ok" ]; then
        printf 'FAILED %s\n' "$2"
        [ -z "${3:-}" ] || tail -n 60 "$3"
    fi
}

# Runs a command as one check: check NAME COMMAND...
check() {
    local name=$1 log=$results/$step.log
    shift
    if "$@" >"$log" 2>&1; then record ok "$name"; else record "not ok" "$name" "$log"; fi
}

# For steps that only compute: they take the time that the others, which must keep theirs, leave.
nicely() {
    renice -n 19 -p "$BASHPID" >/dev/null
    "$@"
}

# The project's own files of these patterns, generated ones left out: sources PATTERN...
sources() {
    local pattern
    for pattern in "$@"; do
        find deploy libcommon sdk services tests .ci -path '*/__pycache__' -prune -o -type f -name "$pattern" -print
    done | sort
}

# Before all others and by itself, as it may have to install what schedule.py needs.
step_set_up() {
    "$root/deploy/install-deps" "$1" || {
        record "not ok" "the packages are installed"
        return 1
    }
}

step_build() {
    local log=$results/$step.log
    if posemesh_build "$root" "$1" >"$log" 2>&1 && [ "$posemesh_built" = "$root/build/$1" ]; then
        record ok "the $1 build has no warning"
    else
        record "not ok" "the $1 build has no warning" "$log"
        return 1
    fi
}

# Puts the program's name before each test's. cmocka prints a skipped test as "not ok N # SKIP name"; the test says why in a
# line "# reason: ..." before.
# shellcheck disable=SC2016
tap_lines='
/^# reason: / { reason = substr($0, 11) }
/^not ok [0-9]+ # SKIP / { print "ok " $3 " - " name ": " $6 " # SKIP " reason; reason = ""; next }
/^(ok|not ok) [0-9]+/ { reason = ""; match($0, /^(ok|not ok) [0-9]+/); head = substr($0, 1, RLENGTH)
    rest = substr($0, RLENGTH + 1); sub(/^ -? ?/, "", rest); print head " - " name ": " rest }
'

# What a program's TAP says of its own end: one that stops half way may still end with 0. Of programs that print one after the
# other each has a plan.
tap_fault() {
    awk '/^1\.\.[0-9]+$/ { plans++; planned += substr($0, 4) }
        /^(ok|not ok) [0-9]+/ { told++ }
        END {
            if (!plans) print "has no plan"
            else if (told + 0 != planned) print "tells of " told + 0 " outcomes, not of " planned
        }' "$1"
}

# Runs one test program and keeps its TAP; a program that dies, or tells less than it planned, counts as a failure.
# run_tap NAME COMMAND...
run_tap() {
    local name=$1 out status fault
    shift
    out=$results/$step.$name.log
    timeout 900 "$@" >"$out" 2>&1
    status=$?
    awk -v name="$name" "$tap_lines" "$out" >"$results/$step.$name.tap"
    if grep -qE '^not ok [0-9]+ -' "$out"; then
        printf 'FAILED in %s\n' "$name"
        grep -A 25 -E '^not ok [0-9]+ -' "$out" | head -n 80
    elif [ "$status" -ne 0 ]; then
        record "not ok" "$name exits with 0, not $status" "$out"
    elif fault=$(tap_fault "$out") && [ -n "$fault" ]; then
        record "not ok" "$name $fault" "$out"
    fi
}

# Runs all unit tests of a build, some programs at a time: unit_tests PRESET AT_ONCE [COMMAND...] (which runs a program)
unit_tests() {
    local programs=("$root/build/$1/unit"/unit-*) at_once=$2 program name
    shift 2
    export CMOCKA_MESSAGE_OUTPUT=TAP
    for program in "${programs[@]}"; do
        name=${program##*/unit-}
        while [ "$(jobs -pr | wc -l)" -ge "$at_once" ]; do wait -n; done
        run_tap "$name" "$@" "$program" >"$results/$step.$name.failures" &
    done
    wait
    cat "$results/$step".*.failures
}

step_unit_tests() {
    unit_tests "$1" 1
}

step_unit_tests_under_valgrind() {
    # Threads that wait for descriptors make valgrind slow; its own timing is no part of a test.
    unit_tests "$1" "$cores" env POSEMESH_VALGRIND=1 valgrind --quiet --error-exitcode=99 --leak-check=full \
        --show-leak-kinds=definite --errors-for-leak-kinds=definite --suppressions="$root/tests/lib/valgrind.supp"
}

step_format() {
    mapfile -t files < <(sources '*.c' '*.h')
    check "every file is as clang-format lays it out" clang-format --dry-run --Werror "${files[@]}"
}

step_shell_check() {
    mapfile -t files < <(sources '*' | xargs grep -lE '^(#!.*(bash|/sh)|# shellcheck shell=)')
    check "the scripts pass shellcheck" shellcheck -x -P "$root" "${files[@]}"
}

# tidy BUILD FILES...: fuzz targets are compiled in a build of their own, and clang-tidy reads its options there.
tidy() {
    local database=$1
    shift
    printf '%s\n' "$@" | xargs -P "$cores" -n 4 clang-tidy --quiet -p "$database" 2>/dev/null
}

# Nearly all of its time goes into clang's analyzer, which finds what the other checks do not: there is nothing to save.
step_clang_tidy() {
    local log=$results/$step.log
    mapfile -t files < <(sources '*.c' | grep -v '^tests/fuzz/')
    mapfile -t fuzz_files < <(sources '*.c' | grep '^tests/fuzz/')
    if { tidy "$root/build/$1" "${files[@]}" && tidy "$root/build/fuzz" "${fuzz_files[@]}"; } >"$log"; then
        record ok "clang-tidy finds nothing"
    else
        record "not ok" "clang-tidy finds nothing" "$log"
    fi
}

step_cppcheck() {
    check "cppcheck finds nothing" cppcheck --project="$root/build/$1/compile_commands.json" --quiet \
        -j "$cores" --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppressions-list="$root/tests/lib/cppcheck.suppressions" --library=posix
}

# step_python_tests PRESET FOLDER JOBS: the test_*.py of tests/FOLDER against the programs of a build, some classes at a time
step_python_tests() {
    export POSEMESH_BIN_DIR=$root/build/$1/bin
    run_tap "$2" "$python" -B "$root/tests/tap.py" --jobs "$3" "$root/tests/$2"
}

step_structure() {
    run_tap structure "$root/tests/structure/run" "$1"
}

step_attacks() {
    run_tap attacks "$root/tests/attack/run" "$1"
}

step_runnerd_tests() {
    export POSEMESH_RUNNERD=$root/build/$1/bin/posemesh-runnerd CMOCKA_MESSAGE_OUTPUT=TAP
    run_tap runnerd "$root/build/$1/integration/integration-runnerd"
}

# Every fuzz target over the inputs that are kept; finding new ones takes longer: tests/fuzz/run.
step_fuzz_corpus() {
    run_tap fuzz "$root/tests/fuzz/run" --seconds 0
}

step_demo() {
    check "deploy/demo ends with 0 and stores the dense cloud by multipart" "$root/deploy/demo"
}

report_results() {
    local passed failed skipped
    passed=$(cat "$results"/*.tap 2>/dev/null | grep -E '^ok ' | grep -vc '# SKIP')
    failed=$(cat "$results"/*.tap 2>/dev/null | grep -c '^not ok ')
    skipped=$(cat "$results"/*.tap 2>/dev/null | grep -E '^ok .*# SKIP' | sed -E 's/^ok [0-9]+ - //')
    if [ -n "$skipped" ]; then
        printf 'did not run:\n%s\n' "$(printf '%s\n' "$skipped" | sed 's/^/  /')"
    else
        printf 'did not run: none\n'
    fi
    [ "$failed" -eq 0 ] || printf 'failed:\n%s\n' "$(cat "$results"/*.tap | grep '^not ok ' | sed 's/^not ok [0-9]* - /  /')"
    printf '%s passed, %s failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}
