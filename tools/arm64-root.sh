#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A folder with Debian's arm64 headers and libraries, for the cross compiler and qemu-user.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh
. tools/apt-private.sh

usage()
{
        cat <<'END'
Usage: tools/arm64-root.sh [FOLDER]

Fetches the arm64 packages that the tree is built with, of the Debian release that runs here, and
unpacks them in FOLDER (default: arm64 in $UIOMMU_DPDK_ROOTS, or else in build-roots), unless they
are there. Nothing is installed and no package of this machine is looked at, so arm64 need not be
among its architectures, and root is not needed. FOLDER/root.ini then goes in front of
tools/cross/aarch64.ini.

Environment: UIOMMU_DEBIAN_MIRROR (default http://deb.debian.org/debian)

Exit 0: the folder is there, its name is on stdout; 77: it cannot be made here, with the reason on
stderr.
END
}

case ${1-} in
-h | --help)
        usage
        exit 0
        ;;
-*)
        usage >&2
        exit 2
        ;;
esac
root=${1:-${UIOMMU_DPDK_ROOTS:-build-roots}/arm64}
packages=(libc6-dev libdpdk-dev libnuma-dev libjansson-dev libcmocka-dev)

# Libraries may be named by their place in the root, which is not the place here.
links_check()
{
        [[ -e $1/usr/lib/aarch64-linux-gnu/libc.so.6 &&
                -e $1/usr/lib/aarch64-linux-gnu/pkgconfig/libdpdk.pc &&
                -e $1/lib/ld-linux-aarch64.so.1 ]]
}

make_root()
{
        local release made=$root.partial

        release=$(debian_release)
        say "making $root: Debian $release for arm64 from $debian_mirror"
        rm -rf --one-file-system "$made" "$root"
        mkdir -p "$made"
        apt_private "$made/apt" arm64 "$release"
        apt_fetch "$made/apt" "${packages[@]}"
        unpack "$made/root" "$made"/apt/cache/archives/*.deb || cannot "packages do not unpack"
        links_check "$made/root" || cannot "the packages do not hold what is expected"
        rm -rf --one-file-system "$made/apt"
        mv "$made" "$root"
}

write_ini()
{
        local launcher=''

        if command -v ccache >/dev/null; then
                launcher="'ccache'"
        fi
        printf "[constants]\nroot = '%s'\nlauncher = [%s]\n" "$root/root" "$launcher" \
                >"$root/root.ini"
}

apt_private_check
mkdir -p "$(dirname "$root")"
root=$(realpath "$root")
links_check "$root/root" || make_root
write_ini
echo "$root"
