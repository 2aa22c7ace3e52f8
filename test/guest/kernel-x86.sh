#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A folder with Debian's x86-64 kernel and what a guest needs beside it.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/common.sh
. tools/apt-private.sh

usage()
{
        cat <<'END'
Usage: test/guest/kernel-x86.sh [--release RELEASE] [FOLDER]

Fetches the x86-64 kernel and busybox of Debian's RELEASE (default: the one that runs here), and
leaves in FOLDER (default: guest-x86-RELEASE in $UIOMMU_DPDK_ROOTS, or else in build-roots),
unless they are there:

  vmlinuz      the kernel
  modules/     irqbypass and those of VFIO
  busybox      statically linked

Nothing is installed, and root is not needed.

Environment: UIOMMU_DEBIAN_MIRROR (default http://deb.debian.org/debian)

Exit 0: the folder is there, its name is on stdout; 77: it cannot be made here, with the reason on
stderr.
END
}

release=$(debian_release)
folder_arguments "$@"
((${#words[@]} < 2)) || die "one folder only"
release_check "$release"
folder=${words[0]:-${UIOMMU_DPDK_ROOTS:-build-roots}/guest-x86-$release}
mkdir -p "$(dirname "$folder")"
folder=$(realpath "$folder")

make_folder()
{
        local made=$folder.partial image

        say "making $folder: Linux of Debian $release from $debian_mirror"
        rm -rf --one-file-system "$made" "$folder"
        mkdir -p "$made/work/packages" "$made/modules"
        apt_private "$made/work/apt" amd64 "$release"
        image=$(apt-cache depends linux-image-amd64 |
                sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
        (cd "$made/work/packages" && apt-get -q download "$image" busybox-static >&2) ||
                cannot "packages could not be fetched from $debian_mirror: $image"
        unpack "$made/work/root" "$made"/work/packages/*.deb || cannot "packages do not unpack"
        find "$made/work/root" \( -name irqbypass.ko -o -name 'vfio*.ko' \) \
                -exec cp -t "$made/modules" {} +
        cp "$made/work/root/usr/bin/busybox" "$made/busybox"
        cp "$made"/work/root/boot/vmlinuz-* "$made/vmlinuz"
        [[ -s $made/modules/vfio-pci.ko ]] || cannot "the packages do not hold what is expected"
        rm -rf --one-file-system "$made/work"
        mv "$made" "$folder"
}

if [[ ! -s $folder/vmlinuz ]]; then
        apt_private_check
        make_folder
fi
echo "$folder"
