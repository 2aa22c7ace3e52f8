#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Set up, build in several ways, run every test, count. Last line: N passed, N failed, N skipped.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

usage()
{
        cat <<'END'
Usage: tools/test.sh [--quick | --kernel | --full | --builds LIST] [arguments of "meson test"]

Without arguments: all steps below, as CI does it, in less than half an hour on two cores. Further
arguments, names of tests say or --suite unit, choose among the tests and, unless --builds is
given, leave only the step "gcc".

  --quick        only the step "gcc"
  --kernel       only the step "kernel": a small kernel with iommufd is built (2 to 4 minutes on two
                 cores) or taken from the cache, and the tests of test/kernel run on it, in QEMU
  --full         all steps, with the long runs (10 minutes each: fuzz, storm with churn, and the
                 stress tests under ThreadSanitizer and AddressSanitizer, random
                 calls on iommufd of a real kernel)
  --builds LIST  steps by name, with commas between them
  --list         names of the steps
  --help         this text

Builds and logs are in build-test/. The last line is "N passed, N failed, N skipped"; exit 0
where at least one test passed and none failed.
END
}

steps_all=(source gcc clang fuzz asan tsan release kernel other-dpdk arm64 riscv64 omit)
declare -A steps_text=(
        [source]='devtools/check-*'
        [gcc]='gcc, warnings are errors: all tests but those that release has'
        [clang]='clang, warnings are errors: unit tests'
        [fuzz]='libFuzzer over the committed corpus'
        [asan]='AddressSanitizer, UndefinedBehaviorSanitizer: all tests, stress tests'
        [tsan]='ThreadSanitizer: tests with threads, stress tests, a storm with churn'
        [release]='release: storms, stress, the first unit of each driver, the installed package'
        [kernel]='a kernel with iommufd and mock devices, built or cached: all tests on it'
        [other-dpdk]='compile and unit tests with other versions of DPDK'
        [arm64]='cross compiler for arm64: unit tests, conformance, autotest under qemu-user'
        [riscv64]='cross compiler for riscv64: the same, and a QEMU guest that owns an IOMMU'
        [omit]='each invalidation of each driver left out: a test fails'
)

steps=()
fuzz_seconds=30
churn_seconds=20
stress_seconds=15
random_seconds=10
meson_arguments=()

while (($# > 0)); do
        case $1 in
        --quick)
                steps=(gcc)
                ;;
        --kernel)
                steps=(kernel)
                ;;
        --full)
                steps=("${steps_all[@]}")
                fuzz_seconds=600
                churn_seconds=600
                stress_seconds=600
                random_seconds=600
                ;;
        --builds | --builds=*)
                if [[ $1 == --builds ]]; then
                        shift
                        list=${1-}
                else
                        list=${1#*=}
                fi
                IFS=, read -r -a steps <<<"$list"
                ((${#steps[@]} > 0)) || die "--builds wants a list, see --list"
                for step in "${steps[@]}"; do
                        [[ -n ${steps_text[$step]-} ]] || die "no step '$step', see --list"
                done
                ;;
        --list)
                for step in "${steps_all[@]}"; do
                        printf '%-12s%s\n' "$step" "${steps_text[$step]}"
                done
                exit 0
                ;;
        --help | -h)
                usage
                exit 0
                ;;
        *)
                meson_arguments+=("$1")
                ;;
        esac
        shift
done
if ((${#steps[@]} == 0)); then
        if ((${#meson_arguments[@]} > 0)); then
                steps=(gcc)
        else
                steps=("${steps_all[@]}")
        fi
fi

top='build-test'
results=$top/results
logs=$top/logs
cases=$results/cases.tsv
rm -rf "$results" "$logs"
mkdir -p "$results" "$logs"
: >"$cases"

# Whatever happens on the way, the count comes last.
finished=false
count()
{
        local status=0

        trap - EXIT
        $finished || record fail "tools/test.sh" "ended before all steps were done"
        echo
        python3 tools/count_results.py "$results" || status=1
        exit $status
}

record()
{
        printf '%s\t%s\t%s\n' "$1" "$2" "${3-}" >>"$cases"
        if [[ $1 != pass ]]; then
                echo "$1: $2${3:+ ($3)}"
        fi
}

# Output goes to a log; on a terminal it is shown too.
run_logged()
{
        local log=$logs/$1.log status=0

        shift
        if [[ -t 1 ]]; then
                "$@" </dev/null 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
        else
                "$@" </dev/null >"$log" 2>&1 || status=$?
                ((status == 0)) || tail -n 60 "$log"
        fi
        return "$status"
}

# build NAME COMPILER [meson options]: configure and compile in $top/NAME
build()
{
        local name=$1 compiler=$2 folder=$top/$1 mode=()

        shift 2
        echo "$name: building with $compiler"
        if [[ -f $folder/build.ninja ]]; then
                mode=(--wipe)
        fi
        if ! run_logged "$name-setup" env CC="$compiler" meson setup "${mode[@]}" "$folder" \
                -Dtests=enabled -Dwerror=true "$@"; then
                record fail "$name: configure"
                return 1
        fi
        if ! run_logged "$name-build" ninja -C "$folder"; then
                record fail "$name: build without a warning"
                return 1
        fi
        record pass "$name: build without a warning"
}

# without SUITE...: arguments that leave these out of a step, into "less"; not where arguments of
# meson say what is wanted
less=()
without()
{
        less=()
        ((${#meson_arguments[@]} > 0)) || less=("${@/#/--no-suite=}")
}

# run_tests NAME [arguments of meson test]: run the tests of $top/NAME
run_tests()
{
        local name=$1 folder=$top/$1 status=0

        shift
        rm -f "$folder/meson-logs/testlog.json"
        meson test -C "$folder" --no-rebuild --print-errorlogs "$@" "${meson_arguments[@]}" \
                </dev/null || status=$?
        # The log has every result; without it there is none.
        if [[ -s $folder/meson-logs/testlog.json ]]; then
                cp "$folder/meson-logs/testlog.json" "$results/$name.json"
        else
                record fail "$name: tests" "none was run, exit $status"
        fi
}

step_source()
{
        local check name status

        for check in devtools/check-*; do
                name="source: $(basename "$check")"
                status=0
                run_logged "$(basename "$check")" "$check" || status=$?
                case $status in
                0) record pass "$name" ;;
                77) record skip "$name" "$(tail -n 1 "$logs/$(basename "$check").log")" ;;
                *) record fail "$name" "exit $status" ;;
                esac
        done
}

# A newer QEMU than the machine's, for the tests that drive its units, where one can be had.
newer_qemu()
{
        local folder

        [[ -z ${UIOMMU_QEMU_DIR-} ]] || return 0
        if folder=$(tools/get-qemu.sh 2>"$logs/get-qemu.log"); then
                export UIOMMU_QEMU_DIR=$folder
        else
                echo "no newer QEMU: $(tail -n 1 "$logs/get-qemu.log")"
        fi
}

step_gcc()
{
        build gcc gcc -Dfuzz=disabled || return 0
        newer_qemu
        # programs as a user starts them, and what takes its time: once without a sanitizer
        if [[ " ${steps[*]} " == *" release "* ]]; then
                without smoke install stress firsts guest kernel
        fi
        run_tests gcc "${less[@]}"
}

step_clang()
{
        if ! command -v clang >/dev/null; then
                record skip "clang: build without a warning" "clang is not installed"
                return
        fi
        build clang clang -Db_lundef=false || return 0
        run_tests clang --suite unit
}

step_fuzz()
{
        local target name status job jobs=()

        if ! command -v clang >/dev/null; then
                record skip "fuzz: $fuzz_seconds s" "clang is not installed"
                return
        fi
        [[ -f $top/clang/build.ninja ]] || build clang clang -Db_lundef=false || return 0
        # a target for each corpus, of one thread each: all at once
        for target in test/fuzz/corpus/*/; do
                target=fuzz_$(basename "$target")
                name="fuzz: $target, $fuzz_seconds s"
                if grep -q "^build test/fuzz/$target:" "$top/clang/build.ninja" &&
                        ! run_logged "$target-build" ninja -C "$top/clang" "test/fuzz/$target"; then
                        record fail "$name" "it does not build"
                        continue
                fi
                echo "$name"
                test/fuzz/run.sh "$top/clang/test/fuzz/$target" \
                        "test/fuzz/corpus/${target#fuzz_}" "$fuzz_seconds" \
                        </dev/null >"$logs/$target.log" 2>&1 &
                jobs[$!]=$target
        done
        for job in "${!jobs[@]}"; do
                target=${jobs[$job]}
                name="fuzz: $target, $fuzz_seconds s"
                status=0
                wait "$job" || status=$?
                tail -n 1 "$logs/$target.log"
                case $status in
                0) record pass "$name" ;;
                77) record skip "$name" "$(tail -n 1 "$logs/$target.log")" ;;
                *) record fail "$name" "$(tail -n 1 "$logs/$target.log")" ;;
                esac
        done
}

# stress NAME PROGRAM UNIT SECONDS WHAT [command to run it with]: a stress test, with the build NAME
stress()
{
        local build=$1 program=$2 unit=$3 seconds=$4 status=0
        local name="$1: $5, $3, $4 s" run=$1-$2-${3%%/*}
        local log=$logs/$run.log

        shift 5
        # with arguments of meson only what they name is run
        ((${#meson_arguments[@]} == 0)) || return 0
        echo "$name"
        run_logged "$run" "$@" "$top/$build/test/stress/$program" --unit "$unit" "$seconds" ||
                status=$?
        if grep -q '^ok.*# SKIP' "$log"; then
                record skip "$name" "$(sed -n 's/.*# SKIP //p' "$log" | head -n 1)"
        elif ((status == 0)) && ! grep -qE '(WARNING|ERROR): [A-Za-z]+Sanitizer' "$log"; then
                record pass "$name"
        else
                record fail "$name" "exit $status, see $log"
        fi
}

# stress_all NAME [command to run it with]: all stress tests
stress_all()
{
        local build=$1 unit units=(vtd/emu smmuv3/emu riscv/emu iommufd/emu)
        local seconds=$((stress_seconds / ${#units[@]}))

        shift
        for unit in "${units[@]}"; do
                stress "$build" stress_life "$unit" "$seconds" 'life cycle during a storm' "$@"
                stress "$build" stress_paging "$unit" "$seconds" 'demand paging during a storm' \
                        "$@"
                stress "$build" stress_churn "$unit" $((seconds / 2)) 'bonds during a storm' "$@"
        done
}

step_asan()
{
        export ASAN_OPTIONS=halt_on_error=1:abort_on_error=1:detect_leaks=1:print_summary=1
        export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_summary=1:print_stacktrace=1
        build asan gcc -Db_sanitize=address,undefined -Dfuzz=disabled || return 0
        # stress tests run for longer than meson has them do
        without model stress
        run_tests asan -t 5 "${less[@]}"
        stress_all asan
}

# The shadow memory of ThreadSanitizer's older runtimes collides with mappings of kernels that
# randomise more address bits; without randomisation it does not.
tsan_prefix=()
find_tsan_prefix()
{
        local compiler=$1 probe

        probe=$(mktemp -d)
        echo 'int main(void) { return 0; }' >"$probe/probe.c"
        if ! "$compiler" -fsanitize=thread "$probe/probe.c" -o "$probe/probe" 2>/dev/null; then
                rm -r "$probe"
                echo "$compiler has no ThreadSanitizer"
                return 1
        fi
        if ! "$probe/probe" 2>/dev/null; then
                tsan_prefix=(setarch -R)
                if ! setarch -R "$probe/probe" 2>/dev/null; then
                        rm -r "$probe"
                        echo "ThreadSanitizer does not start on this kernel"
                        return 1
                fi
        fi
        rm -r "$probe"
}

step_tsan()
{
        local status=0 compiler=gcc reason=$logs/tsan-probe.log
        local name="tsan: storm with churn, $churn_seconds s"

        if command -v clang >/dev/null; then
                compiler=clang
        fi
        if ! find_tsan_prefix "$compiler" >"$reason"; then
                record skip "tsan: build without a warning" "$(cat "$reason")"
                return
        fi
        export TSAN_OPTIONS=exitcode=66:halt_on_error=0
        if [[ -f test/tsan.supp ]]; then
                TSAN_OPTIONS+=:suppressions=$PWD/test/tsan.supp
        fi
        build tsan "$compiler" -Db_sanitize=thread -Db_lundef=false -Dfuzz=disabled || return 0
        # variants have no threads of their own, and failnth and hil have few
        without model variants failnth stress hil
        run_tests tsan -t 10 "${less[@]}" ${tsan_prefix:+--wrapper "${tsan_prefix[*]}"}
        stress_all tsan "${tsan_prefix[@]}"
        ((${#meson_arguments[@]} == 0)) || return 0
        echo "$name"
        run_logged tsan-churn "${tsan_prefix[@]}" "$top/tsan/app/storm/uiommu-storm" \
                --churn 1000 --duration "$churn_seconds" || status=$?
        if ((status == 0)) && ! grep -q 'WARNING: ThreadSanitizer' "$logs/tsan-churn.log"; then
                record pass "$name"
        else
                record fail "$name" "exit $status, see $logs/tsan-churn.log"
        fi
}

step_release()
{
        build release gcc --buildtype=release -Dfuzz=disabled || return 0
        # the same by turns
        if [[ " ${steps[*]} " == *" gcc "* ]]; then
                without model variants hil kernel
        elif [[ " ${steps[*]} " == *" kernel "* ]]; then
                without model kernel
        else
                without model
        fi
        run_tests release "${less[@]}"
}

# The folder of a kernel goes to the tests by UIOMMU_KERNEL; by UIOMMU_KERNEL_RELEASES, those of
# further releases of Debian are tried too.
step_kernel()
{
        local release folder status releases=()

        read -r -a releases <<<"trixie ${UIOMMU_KERNEL_RELEASES-}"
        # the build of an earlier step does
        if [[ -f $top/release/build.ninja && " ${steps[*]} " == *" release "* ]]; then
                rm -rf "$top/kernel"
                ln -s release "$top/kernel"
        else
                rm -rf "$top/kernel"
                build kernel gcc --buildtype=release -Dfuzz=disabled || return 0
        fi
        newer_qemu
        for release in "${releases[@]}"; do
                status=0
                echo "kernel: of Debian $release, built or cached"
                run_logged "kernel-$release" test/kernel/kernel.sh --release "$release" --build ||
                        status=$?
                case $status in
                0) ;;
                77)
                        record skip "kernel: of Debian $release" \
                                "$(tail -n 1 "$logs/kernel-$release.log")"
                        continue
                        ;;
                *)
                        record fail "kernel: of Debian $release" "exit $status"
                        continue
                        ;;
                esac
                record pass "kernel: of Debian $release"
                folder=$(tail -n 1 "$logs/kernel-$release.log")
                UIOMMU_KERNEL=$folder UIOMMU_RANDOM_SECONDS=$random_seconds \
                        run_tests kernel --suite kernel -t $((1 + random_seconds / 120))
                if [[ -f $results/kernel.json ]]; then
                        mv "$results/kernel.json" "$results/kernel-$release.json"
                fi
        done
}

step_other-dpdk()
{
        local status=0

        run_logged other-dpdk tools/other-dpdk.sh --results "$cases" || status=$?
        case $status in
        0 | 1) ;;
        77) record skip "other-dpdk: build and unit tests" "$(tail -n 1 "$logs/other-dpdk.log")" ;;
        *) record fail "other-dpdk: tools/other-dpdk.sh" "exit $status" ;;
        esac
}

# cross NAME TRIPLET QEMU DRIVER [suites]: build for another architecture, and run tests under
# qemu-user; of the drivers, that of its units
cross()
{
        local name="$1: build without a warning" architecture=$1 triplet=$2 qemu=$3 driver=$4
        local command root other others=()

        shift 4
        for command in "$triplet-gcc" "$qemu"; do
                if ! command -v "$command" >/dev/null; then
                        record skip "$name" "$command is not installed"
                        return
                fi
        done
        if ! root=$(tools/cross-root.sh "$architecture" 2>"$logs/$architecture-root.log"); then
                record skip "$name" "$(tail -n 1 "$logs/$architecture-root.log")"
                return
        fi
        build "$architecture" gcc --cross-file "$root/root.ini" \
                --cross-file "tools/cross/${triplet%%-*}.ini" -Dfuzz=disabled || return 0
        for other in vtd smmuv3 riscv; do
                [[ $other == "$driver" ]] || others+=("$other")
        done
        without variants "${others[@]}"
        run_tests "$architecture" -t 5 "${@/#/--suite=}" "${less[@]}"
}

step_arm64()
{
        cross arm64 aarch64-linux-gnu qemu-aarch64 smmuv3 unit conformance autotest
}

step_riscv64()
{
        cross riscv64 riscv64-linux-gnu qemu-riscv64 riscv unit conformance autotest guest
}

step_omit()
{
        local status=0

        run_logged omit tools/omit.sh --build "$top/omit" --json "$results/omit.list" \
                --results "$cases" || status=$?
        # what failed is recorded, unless it did not come to that
        if ((status != 0)) && ! grep -q $'^fail\tomit: ' "$cases"; then
                record fail "omit: tools/omit.sh" "exit $status"
        fi
}

trap count EXIT
if ! tools/setup.sh test; then
        record fail "tools/setup.sh test"
        exit 1
fi
for step in "${steps[@]}"; do
        start=$SECONDS
        echo "== $step: ${steps_text[$step]}"
        # A subshell, so that a step's environment stays its own; outside of any condition, or
        # errexit would be off in it.
        set +e
        (
                set -e
                step_"$step"
        )
        status=$?
        set -e
        ((status == 0)) || record fail "$step" "ended early, exit $status"
        echo "== $step: $((SECONDS - start)) s"
done
finished=true
