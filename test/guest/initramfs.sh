#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# The guest's file system, for its memory: busybox, modules, programs, and the libraries that
# these want.

set -euo pipefail
here=$(dirname "$0")
. "$here/../../tools/common.sh"

usage()
{
        cat <<'END'
Usage: test/guest/initramfs.sh KERNEL ROOT BUILD FILE PROGRAM...

KERNEL is a folder made by test/guest/kernel.sh, ROOT one with Debian's riscv64 libraries
(tools/cross-root.sh riscv64, and root in there), BUILD a build for riscv64. Programs of BUILD,
named by their paths in it, go to /bin of the guest. FILE is written.
END
}

if (($# < 4)) || [[ $1 == -* ]]; then
        usage >&2
        exit 2
fi
kernel=$1
root=$2
build=$3
file=$4
shift 4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
libraries=("$build/lib/iommu" "$build"/drivers/* "$root/usr/lib/riscv64-linux-gnu")

# library NAME: where it is
library()
{
        local folder

        for folder in "${libraries[@]}"; do
                if [[ -e $folder/$1 ]]; then
                        echo "$folder/$1"
                        return
                fi
        done
        die "library $1 is not there"
}

# take FILE FOLDER: the file, and the libraries that it wants and are not taken yet
take()
{
        local name found

        install -m 755 "$(readlink -f "$1")" "$2/$(basename "$1")"
        riscv64-linux-gnu-strip -g "$2/$(basename "$1")"
        for name in $(riscv64-linux-gnu-readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
        do
                if [[ ! -e $scratch/lib/$name ]]; then
                        found=$(library "$name") || exit
                        take "$found" "$scratch/lib"
                fi
        done
}

mkdir -p "$scratch"/{bin,lib,modules,proc,sys,dev,tmp,var/run}
install -m 755 "$here/init" "$scratch/init"
install -m 755 "$here/scenes" "$scratch/bin/scenes"
install -m 755 "$kernel/busybox" "$scratch/bin/busybox"
cp "$kernel"/modules/*.ko "$scratch/modules/"
loader=$(library ld-linux-riscv64-lp64d.so.1)
take "$loader" "$scratch/lib"
# the C library loads this one by itself, when a thread is ended
found=$(library libgcc_s.so.1)
take "$found" "$scratch/lib"
for program; do
        [[ -x $build/$program ]] || die "$build has no $program"
        take "$build/$program" "$scratch/bin"
done
(cd "$scratch" && find . | cpio -o -H newc --quiet -R 0:0) | gzip -1 >"$file"
