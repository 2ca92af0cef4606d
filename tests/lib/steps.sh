# The steps of tests/run. Each writes TAP lines ("ok N - name", "not ok N - name", "ok N - name # SKIP reason") to
# build/tests/<step>.tap and prints the failures as they come. Sourced; uses $root and $results.
# shellcheck shell=bash disable=SC2154

jobs=$(nproc)

say() {
    printf '== %s\n' "$*"
}

# Records one outcome of a step that is a single check: record STEP ok|"not ok" NAME [LOG]
record() {
    printf '%s 1 - %s\n' "$2" "$3" >>"$results/$1.tap"
    if [ "$2" = "not ok" ]; then
        printf 'FAILED %s\n' "$3"
        [ -z "${4:-}" ] || tail -n 60 "$4"
    fi
}

# Runs a command as one check: check STEP NAME COMMAND...
check() {
    local step=$1 name=$2 log=$results/$1.log
    shift 2
    if "$@" >"$log" 2>&1; then record "$step" ok "$name"; else record "$step" "not ok" "$name" "$log"; fi
}

# The project's own files of these patterns, generated ones left out: sources PATTERN...
sources() {
    local pattern
    for pattern in "$@"; do
        find deploy libcommon sdk services tests .ci -path '*/__pycache__' -prune -o -type f -name "$pattern" -print
    done | sort
}

# Debian's Python, which sees Debian's modules, even where another one comes first in PATH.
python=/usr/bin/python3

step_set_up() {
    say "packages"
    "$root/deploy/install-deps" --test || {
        record set_up "not ok" "the packages are installed"
        report_results
    }
}

step_build() {
    say "build: $1"
    local log=$results/build_$1.log
    if cmake --preset "$1" >"$log" 2>&1 && cmake --build --preset "$1" -j "$jobs" >>"$log" 2>&1; then
        record "build_$1" ok "the $1 build has no warning"
    else
        record "build_$1" "not ok" "the $1 build has no warning" "$log"
        report_results
    fi
}

# Puts the program's name before each test's. cmocka prints a skipped test as "not ok N # SKIP name"; the test says why in a
# line "# reason: ..." before.
# shellcheck disable=SC2016
tap_lines='
/^# reason: / { reason = substr($0, 11) }
/^not ok [0-9]+ # SKIP / { print "ok " $3 " - " name ": " $6 " # SKIP " reason; next }
/^(ok|not ok) [0-9]+/ { match($0, /^(ok|not ok) [0-9]+/); head = substr($0, 1, RLENGTH)
    rest = substr($0, RLENGTH + 1); sub(/^ -? ?/, "", rest); print head " - " name ": " rest }
'

# Runs one test program and keeps its TAP; a program that dies without a plan counts as a failure.
# run_tap STEP NAME COMMAND...
run_tap() {
    local step=$1 name=$2 out status
    shift 2
    out=$results/$step.$name.log
    timeout 400 "$@" >"$out" 2>&1
    status=$?
    awk -v name="$name" "$tap_lines" "$out" >>"$results/$step.tap"
    if grep -qE '^not ok [0-9]+ -' "$out"; then
        printf 'FAILED in %s\n' "$name"
        grep -A 25 -E '^not ok [0-9]+ -' "$out" | head -n 80
    elif [ "$status" -ne 0 ]; then
        record "$step" "not ok" "$name exits with 0, not $status" "$out"
    fi
}

step_unit_tests() {
    say "unit tests ($1)"
    export POSEMESH_SOURCE_DIR=$root CMOCKA_MESSAGE_OUTPUT=TAP
    local program
    for program in "$root/build/$1/unit"/unit-*; do
        run_tap "unit_$1" "${program##*/unit-}" "$program"
    done
}

step_unit_tests_under_valgrind() {
    say "unit tests under valgrind"
    export POSEMESH_SOURCE_DIR=$root CMOCKA_MESSAGE_OUTPUT=TAP
    local program
    for program in "$root/build/$1/unit"/unit-*; do
        # Threads that wait for descriptors make valgrind slow; its own timing is no part of a test.
        run_tap unit_valgrind "${program##*/unit-}" env POSEMESH_VALGRIND=1 valgrind --quiet --error-exitcode=99 --leak-check=full \
            --show-leak-kinds=definite --errors-for-leak-kinds=definite --suppressions="$root/tests/lib/valgrind.supp" "$program"
    done
}

step_format() {
    say "clang-format"
    mapfile -t files < <(sources '*.c' '*.h')
    check format "every file is as clang-format lays it out" clang-format --dry-run --Werror "${files[@]}"
}

step_shell_check() {
    say "shellcheck"
    mapfile -t files < <(sources '*' | xargs grep -lE '^(#!.*(bash|/sh)|# shellcheck shell=)')
    check shellcheck "the scripts pass shellcheck" shellcheck -x -P "$root" "${files[@]}"
}

# tidy BUILD FILES...: fuzz targets are compiled in a build of their own, and clang-tidy reads its options there.
tidy() {
    local database=$1
    shift
    printf '%s\n' "$@" | xargs -P "$jobs" -n 4 clang-tidy --quiet -p "$database" 2>/dev/null
}

step_clang_tidy() {
    say "clang-tidy"
    local log=$results/clang_tidy.log
    mapfile -t files < <(sources '*.c' | grep -v '^tests/fuzz/')
    mapfile -t fuzz_files < <(sources '*.c' | grep '^tests/fuzz/')
    if { tidy "$root/build/$1" "${files[@]}" && cmake --preset fuzz && tidy "$root/build/fuzz" "${fuzz_files[@]}"; } >"$log"; then
        record clang_tidy ok "clang-tidy finds nothing"
    else
        record clang_tidy "not ok" "clang-tidy finds nothing" "$log"
    fi
}

step_cppcheck() {
    say "cppcheck"
    check cppcheck "cppcheck finds nothing" cppcheck --project="$root/build/$1/compile_commands.json" --quiet \
        -j "$jobs" --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppressions-list="$root/tests/lib/cppcheck.suppressions" --library=posix
}

# step_python_tests PRESET FOLDER: the test_*.py of tests/FOLDER against the programs of a build
step_python_tests() {
    say "$2 tests ($1)"
    export POSEMESH_SOURCE_DIR=$root POSEMESH_BIN_DIR=$root/build/$1/bin
    run_tap "$2_$1" "$2" "$python" -B "$root/tests/tap.py" "$root/tests/$2"
}

step_attacks() {
    say "attacks ($1)"
    run_tap attacks attacks "$root/tests/attack/run" "$1"
}

step_runnerd_tests() {
    say "runnerd tests"
    export POSEMESH_RUNNERD=$root/build/$1/bin/posemesh-runnerd CMOCKA_MESSAGE_OUTPUT=TAP
    run_tap runnerd runnerd "$root/build/$1/integration/integration-runnerd"
}

# Every fuzz target over the inputs that are kept; finding new ones takes longer: tests/fuzz/run.
step_fuzz_corpus() {
    say "fuzz corpus"
    run_tap fuzz fuzz "$root/tests/fuzz/run" --seconds 0
}

step_demo() {
    say "demo"
    check demo "deploy/demo ends with 0 and stores the dense cloud by multipart" "$root/deploy/demo"
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
    [ "$failed" -eq 0 ] || { printf 'failed:\n'; cat "$results"/*.tap | grep '^not ok ' | sed 's/^not ok [0-9]* - /  /'; }
    printf '%s passed, %s failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}
