# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
# shellcheck shell=bash
#
# Sourced by the scripts that start guests, after tools/common.sh: what they print is TAP.

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cases=0
failures=0
# what a guest has printed
# shellcheck disable=SC2034
transcript=$scratch/transcript

skip()
{
        echo "1..0 # SKIP $*"
        exit 0
}

# made VARIABLE COMMAND...: the folder that it names; or the test ends, skipped where the command
# says that it cannot be had
made()
{
        local variable=$1 status=0 answer

        shift
        answer=$("$@" 2>"$scratch/log") || status=$?
        ((status != 77)) || skip "$(tail -n 1 "$scratch/log")"
        if ((status != 0)); then
                cat "$scratch/log" >&2
                die "failed: $*"
        fi
        printf -v "$variable" %s "$answer"
}

# find_qemu PROGRAM COMMAND...: into "qemu" the first one, of the folders of UIOMMU_QEMU_DIR, of
# PATH, or fetched, for which the command with its path succeeds; the last one whatever it says
find_qemu()
{
        local program=$1 folder folders=()

        shift
        IFS=: read -r -a folders <<<"${UIOMMU_QEMU_DIR-}"
        for folder in "${folders[@]/%//bin/}" ''; do
                qemu=$folder$program
                ! "$@" "$qemu" || return 0
        done
        made folder "$(dirname "${BASH_SOURCE[0]}")/../../tools/get-qemu.sh"
        qemu=$folder/bin/$program
}

# x86_root ROOT BUSYBOX INIT PROGRAM...: a folder with what a guest of this machine's kind starts
# with; programs come with the libraries that they want
x86_root()
{
        local root=$1 busybox=$2 init=$3 program

        shift 3
        mkdir -p "$root"/{bin,lib,lib64,modules,proc,sys,dev,tmp,var/run}
        install -m 755 "$init" "$root/init"
        install -m 755 "$busybox" "$root/bin/busybox"
        for program; do
                install -m 755 "$program" "$root/bin/"
                strip -g "$root/bin/$(basename "$program")"
                ! ldd "$program" | grep -q 'not found' || die "$program: a library is not there"
                ldd "$program" | sed -n 's/.*=> \([^ ]*\) .*/\1/p' | xargs realpath -s
        done | sort -u | xargs cp -L -t "$root/lib"
        cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
        # the C library loads this one by itself, when a thread is ended
        cp -L "$(gcc -print-file-name=libgcc_s.so.1)" "$root/lib/"
}

# initramfs ROOT FILE
initramfs()
{
        (cd "$1" && find . | cpio -o -H newc --quiet -R 0:0) | gzip -1 >"$2"
}

# check NAME COMMAND...
check()
{
        local name=$1

        shift
        cases=$((cases + 1))
        if "$@"; then
                echo "ok $cases - $name"
        else
                echo "not ok $cases - $name"
                failures=$((failures + 1))
        fi
}

scene()
{
        sed -n "/^== $1\$/,/^== $1: exit/p" "$transcript"
}

# says SCENE LINE: whether the scene has this line
says()
{
        scene "$1" | grep -xF -- "$2" >/dev/null
}

# says_like SCENE TEXT: whether one of its lines has this
says_like()
{
        scene "$1" | grep -F -- "$2" >/dev/null
}

# owns SCENE: each step of own-a-unit, to its end
owns()
{
        local step

        for step in 'a read is refused where nothing is mapped' \
                'the page is mapped for reading, and a write is refused' \
                'it is read' \
                'it is mapped for writing too, and the bytes come back' \
                'the page is unmapped, a write is refused, and nothing was written' \
                'the unit is closed'; do
                says "$1" "ok: $step" || return
        done
        says "$1" "== $1: exit 0"
}

# the last line, and the exit code
plan()
{
        echo "1..$cases"
        ((failures == 0))
}
