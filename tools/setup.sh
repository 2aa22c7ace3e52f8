#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Install what is missing and reserve hugepages, where this may be done.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

usage()
{
        cat <<'END'
Usage: tools/setup.sh [run|test]

  run    what building and running the storm needs (default)
  test   the same, and what the tests need

Packages are Debian's. Nothing is downloaded when nothing is missing.

Environment:
  UIOMMU_HUGEPAGES   2 MiB pages that should be free (default 512; 0: leave them alone)
END
}

# Each line: what to look for, and the package that brings it.
packages_run='
command:cc            gcc
header:stdio.h        libc6-dev
command:meson         meson
command:ninja         ninja-build
command:pkg-config    pkg-config
command:python3       python3
module:libdpdk        libdpdk-dev
header:numa.h         libnuma-dev
module:jansson        libjansson-dev
'
packages_test='
command:gcc           gcc
command:make          make
module:cmocka         libcmocka-dev
'
# Without these some tests are skipped, and idle fault queues are read on each turn (liburing).
packages_optional='
command:clang         clang
runtime:fuzzer        libclang-rt-dev
command:llvm-symbolizer llvm
command:debootstrap   debootstrap
command:strace        strace
command:ccache        ccache
command:aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
command:qemu-aarch64  qemu-user
command:riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu
command:cpio          cpio
command:qemu-system-aarch64 qemu-system-arm
command:qemu-system-x86_64 qemu-system-x86
command:spin          spin
command:flex          flex
command:bison         bison
command:bc            bc
command:xz            xz-utils
header:gelf.h         libelf-dev
module:liburing       liburing-dev
'

have()
{
        local kind=${1%%:*} what=${1#*:}

        case $kind in
        command)
                command -v "$what" >/dev/null
                ;;
        module)
                command -v pkg-config >/dev/null && pkg-config --exists "$what"
                ;;
        header)
                command -v cc >/dev/null && echo "#include <$what>" | cc -E -x c - >/dev/null 2>&1
                ;;
        runtime)
                command -v clang >/dev/null &&
                        [[ -e $(clang -print-file-name="libclang_rt.$what-$(uname -m).a") ]]
                ;;
        esac
}

missing_of()
{
        local what package

        while read -r what package; do
                if [[ -n $what ]] && ! have "$what"; then
                        echo "$package"
                fi
        done <<<"$1" | sort -u
}

apt_install()
{
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
                --no-install-recommends install "$@" >&2
}

install_packages()
{
        local -a required optional

        readarray -t required < <(missing_of "$1")
        readarray -t optional < <(missing_of "$2")
        ((${#required[@]} + ${#optional[@]} > 0)) || return 0

        if ! command -v apt-get >/dev/null || ! may_be_root; then
                ((${#required[@]} == 0)) ||
                        die "missing, and only root with apt-get can install them: ${required[*]}"
                say "not there, so some tests will be skipped: ${optional[*]}"
                return 0
        fi
        say "installing: ${required[*]} ${optional[*]}"
        as_root apt-get -q -o DPkg::Lock::Timeout=300 update >&2 ||
                die "apt-get update failed; these packages are missing:" \
                        "${required[*]} ${optional[*]}"
        # one that cannot be had takes the others of its call with it
        ((${#required[@]} == 0)) || apt_install "${required[@]}" ||
                die "apt-get could not install: ${required[*]}"
        ((${#optional[@]} == 0)) || apt_install "${optional[@]}" ||
                say "apt-get could not install, so some tests will be skipped: ${optional[*]}"
        readarray -t required < <(missing_of "$1")
        ((${#required[@]} == 0)) || die "installed, but still not usable: ${required[*]}"
}

# 2 MiB pages: as many free ones as wanted, but never more than a quarter of the memory that is
# available, and never fewer than there are.
reserve_hugepages()
{
        local wanted=$1 file=/sys/kernel/mm/hugepages/hugepages-2048kB
        local total free available room

        if [[ ! -r $file/nr_hugepages ]]; then
                say "this kernel has no 2 MiB hugepages; going on without"
                return 0
        fi
        total=$(<$file/nr_hugepages)
        free=$(<$file/free_hugepages)
        if ((free < wanted)); then
                available=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
                room=$((available / 4 / 2048))
                if ((wanted - free < room)); then
                        room=$((wanted - free))
                fi
                if ((room > 0)); then
                        as_root sh -c "echo $((total + room)) >$file/nr_hugepages" 2>/dev/null ||
                                true
                        total=$(<$file/nr_hugepages)
                        free=$(<$file/free_hugepages)
                fi
        fi
        if ((free < wanted)); then
                say "$free of $wanted hugepages (2 MiB) are free and no more may be reserved;" \
                        "going on with what there is"
        fi
}

mount_hugepages()
{
        local where

        where=$(awk '$3 == "hugetlbfs" { print $2; exit }' /proc/mounts)
        if [[ -z $where ]]; then
                where=/dev/hugepages
                as_root sh -c "mkdir -p $where && mount -t hugetlbfs nodev $where" 2>/dev/null || {
                        say "no hugetlbfs is mounted and none may be mounted here; going on without"
                        return 0
                }
        fi
        [[ -w $where ]] || say "$where is not writable by this user; going on without hugepages"
}

set_name=${1:-run}
case $set_name in
run)
        install_packages "$packages_run" ''
        ;;
test)
        install_packages "$packages_run$packages_test" "$packages_optional"
        ;;
*)
        explain "$set_name"
        ;;
esac

wanted=${UIOMMU_HUGEPAGES:-512}
[[ $wanted =~ ^[0-9]+$ ]] || die "UIOMMU_HUGEPAGES is not a number: $wanted"
if ((wanted > 0)); then
        reserve_hugepages "$wanted"
        mount_hugepages
fi
