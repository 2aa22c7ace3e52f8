#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A folder with Debian's headers and libraries of another architecture, for the cross compiler and
# qemu-user.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh
. tools/apt-private.sh

usage()
{
        cat <<'END'
Usage: tools/cross-root.sh [--release RELEASE] arm64|riscv64 [FOLDER]

Fetches the packages that the tree is built with, for the architecture named, and unpacks them in
FOLDER (default: its name in $UIOMMU_DPDK_ROOTS, or else in build-roots), unless they are there.
Nothing is installed and no package of this machine is looked at, so the architecture need not be
among its own, and root is not needed. FOLDER/root.ini then goes in front of
tools/cross/aarch64.ini or tools/cross/riscv64.ini.

RELEASE is one of Debian. Without it: the one that runs here; for riscv64 on Debian 12, which does
not have it, the next one, trixie.

Environment: UIOMMU_DEBIAN_MIRROR (default http://deb.debian.org/debian)

Exit 0: the folder is there, its name is on stdout; 77: it cannot be made here, with the reason on
stderr.
END
}

packages=(libc6-dev libdpdk-dev libnuma-dev libjansson-dev libcmocka-dev)
release=
folder_arguments "$@"
architecture=${words[0]-}
root=${words[1]:-${UIOMMU_DPDK_ROOTS:-build-roots}/$architecture}
case $architecture/${#words[@]} in
arm64/[12])
        triplet=aarch64-linux-gnu
        loader=ld-linux-aarch64.so.1
        ;;
riscv64/[12])
        triplet=riscv64-linux-gnu
        loader=ld-linux-riscv64-lp64d.so.1
        ;;
*)
        usage >&2
        exit 2
        ;;
esac

# Libraries may be named by their place in the root, which is not the place here.
links_check()
{
        [[ -e $1/usr/lib/$triplet/libc.so.6 && -e $1/usr/lib/$triplet/pkgconfig/libdpdk.pc &&
                -e $1/lib/$loader ]]
}

make_root()
{
        local made=$root.partial

        say "making $root: Debian $release for $architecture from $debian_mirror"
        rm -rf --one-file-system "$made" "$root"
        mkdir -p "$made"
        apt_private "$made/apt" "$architecture" "$release"
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
if [[ -z $release ]]; then
        release=$(debian_release)
        [[ $architecture/$release != riscv64/bookworm ]] || release=trixie
fi
release_check "$release"
mkdir -p "$(dirname "$root")"
root=$(realpath "$root")
links_check "$root/root" || make_root
write_ini
echo "$root"
