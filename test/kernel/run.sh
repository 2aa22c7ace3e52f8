#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Programs of a build in a QEMU guest whose kernel has iommufd with mock devices.

set -euo pipefail
here=$(dirname "$0")
. "$here/../../tools/common.sh"
. "$here/../guest/common.sh"

usage()
{
        cat <<'END'
Usage: test/kernel/run.sh [options] BUILD [SCENE...]
       test/kernel/run.sh [options] --script FILE BUILD [ARGUMENT...]

Runs the scenes of test/kernel/scenes that are named, or all of them, and prints TAP. The scene
"cdev" is for a machine of its own, with an IOMMU that is the kernel's: it is run only by name, and
alone. A guest has two processors, emulated, and 1 GiB. Programs of BUILD, a build for this
machine, are in /bin of it: the tests, the tools and the examples.

  --script FILE    run this script in the guest (busybox's sh) instead, with the arguments: prints
                   what it prints, exit code is the script's
  --program FILE   one more program for /bin; as often as wanted
  --seconds N      a guest that has not ended by then has failed (default: 300 and those of
                   "random")
  --qemu WORDS     further arguments of QEMU, "-icount shift=0,sleep=off -smp 1" say
  --append WORDS   further words for the kernel
  --shell          a shell in the guest

The kernel is that of the folder in $UIOMMU_KERNEL, else the newest one that test/kernel/kernel.sh
has built; without any the test is skipped. The scene "random" goes on for $UIOMMU_RANDOM_SECONDS
(default 10). QEMU is that of PATH or, where there is none, what
tools/get-qemu.sh fetches.
END
}

random_seconds=${UIOMMU_RANDOM_SECONDS:-10}
[[ $random_seconds =~ ^[0-9]+$ ]] || die "UIOMMU_RANDOM_SECONDS is not a number"
script='' seconds=$((300 + random_seconds)) programs=() qemu_words=() append='' shell=false
while (($# > 0)); do
        case $1 in
        --script | --program | --seconds | --qemu | --append)
                (($# > 1)) || die "$1 wants a value"
                case $1 in
                --script) script=$2 ;;
                --program) programs+=("$2") ;;
                --seconds) seconds=$2 ;;
                --qemu) read -r -a qemu_words <<<"$2" ;;
                --append) append=$2 ;;
                esac
                shift
                ;;
        --shell) shell=true ;;
        -*) explain "$1" ;;
        *) break ;;
        esac
        shift
done
(($# > 0)) || explain
build=$1
shift

[[ $(uname -m) == x86_64 ]] || skip "this machine is not x86-64"
for command in cpio gzip; do
        command -v "$command" >/dev/null || skip "$command is not installed"
done
kernel=${UIOMMU_KERNEL-}
[[ -n $kernel ]] || made kernel "$here/kernel.sh"
[[ -s $kernel/bzImage ]] || die "$kernel has no bzImage"
find_qemu qemu-system-x86_64 command -v >/dev/null

for program in test/kernel/kernel_abi test/kernel/kernel_scenes test/kernel/kernel_random \
        test/conformance/conformance test/failnth/failnth test/stress/stress_{churn,life,paging} \
        app/storm/uiommu-storm app/bench/uiommu-bench \
        examples/{fault-queue/fault-queue,own-a-device/own-a-device}; do
        [[ ! -x $build/$program ]] || programs+=("$build/$program")
done
((${#programs[@]} > 0)) || die "$build has no programs"
root=$scratch/root
x86_root "$root" "$kernel/busybox" "$here/init" "${programs[@]}"
install -m 755 "${script:-$here/scenes}" "$root/bin/guest-script"
install -m 755 "$here/cdev" "$here/example" "$root/bin/"
echo "$*" >"$root/arguments"
echo "export RANDOM_SECONDS=$random_seconds" >"$root/environment"
initramfs "$root" "$scratch/initramfs"

if [[ " $* " == *' cdev '* ]]; then
        # the mock devices cannot be had beside a unit that the kernel owns
        qemu_words+=(-device 'intel-iommu,intremap=off'
                -device 'edu,addr=3,dma_mask=0xffffffffffffffff')
fi

# guest WORDS: QEMU, with the machine's console on stdout
guest()
{
        timeout --foreground "$seconds" "$qemu" -nodefaults -no-user-config -display none \
                -serial stdio -no-reboot -machine q35 -accel tcg -cpu Nehalem -smp 2 -m 1G \
                -kernel "$kernel/bzImage" -initrd "$scratch/initramfs" \
                -append "console=ttyS0 loglevel=5 panic=-1 oops=panic $append $1" "${qemu_words[@]}"
}

# ended: whether the guest came to its end, and by itself
ended()
{
        ((status == 0)) && grep -q '^guest: off' "$transcript"
}

# What the programs of each scene have printed as TAP, as cases of this test; a scene that ended
# with an error counts as one more, and one without any case too.
cases_of_scenes()
{
        local line name='' before=0

        while IFS= read -r line; do
                case $line in
                '== '*': exit '*)
                        if [[ $line != *': exit 0' ]]; then
                                check "$name ends well (${line##*: })" false
                        elif ((cases == before)); then
                                check "$name has cases" false
                        fi
                        name=''
                        ;;
                '== '*)
                        name=${line#== }
                        before=$cases
                        ;;
                'ok '* | 'not ok '*)
                        [[ -n $name ]] || continue
                        cases=$((cases + 1))
                        [[ $line == ok* ]] || failures=$((failures + 1))
                        sed -E "s/^((not )?ok) [0-9]+( - )?/\1 $cases - $name: /" <<<"$line"
                        ;;
                '1..0'*)
                        cases=$((cases + 1))
                        echo "ok $cases - $name # SKIP ${line#*SKIP }"
                        ;;
                esac
        done <"$transcript"
        check "the last scene has ended" test -z "$name"
}

if $shell; then
        guest guest=shell
        exit
fi
status=0
if [[ -n $script ]]; then
        guest '' </dev/null | tr -d '\r' | tee "$transcript" | grep -v '^guest: ' || true
        status=${PIPESTATUS[0]}
        ended || die "the guest did not come to its end"
        exit "$(sed -n 's/^guest: exit //p' "$transcript")"
fi
guest '' </dev/null 2>"$scratch/errors" | tr -d '\r' >"$transcript" || status=$?
cases_of_scenes
grep -vE '^(ok|not ok|1\.\.)' "$transcript" | cat - "$scratch/errors" | sed 's/^/# /'
check "the guest comes to its end" ended
check "the kernel has not complained" grep -qx 'guest: kernel tainted: 0' "$transcript"
plan
