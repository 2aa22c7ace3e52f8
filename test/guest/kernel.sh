#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A folder with Debian's riscv64 kernel and what a guest needs beside it.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/common.sh
. tools/apt-private.sh

usage()
{
        cat <<'END'
Usage: test/guest/kernel.sh [--release RELEASE] [FOLDER]

Fetches Debian's riscv64 kernel and busybox, and leaves in FOLDER (default: guest-RELEASE in
$UIOMMU_DPDK_ROOTS, or else in build-roots), unless they are there:

  vmlinux      the kernel
  config       what it was built with
  modules/     irqbypass (where it is a module), vfio, vfio-pci-core, vfio-pci
  busybox      statically linked

Debian's riscv64 kernels are built without CONFIG_VFIO_NOIOMMU, and without it no function can be
opened through VFIO that has no IOMMU above itself, as an IOMMU has not. So vfio.ko, which is a
module, is built here once more with this option, from Debian's source of the same version. Nothing
is installed, and root is not needed.

RELEASE is one of Debian that has riscv64; default: trixie.

Environment: UIOMMU_DEBIAN_MIRROR (default http://deb.debian.org/debian)

Exit 0: the folder is there, its name is on stdout; 77: it cannot be made here, with the reason on
stderr.
END
}

release=trixie
folder_arguments "$@"
((${#words[@]} < 2)) || die "one folder only"
folder=${words[0]-}
release_check "$release"

is_complete()
{
        [[ -s $1/vmlinux && -s $1/config && -s $1/busybox && -s $1/modules/vfio.ko &&
                -s $1/modules/vfio-pci-core.ko && -s $1/modules/vfio-pci.ko ]]
}

# files_of FOLDER ARCHITECTURE PACKAGE...: what is in these packages alone, in FOLDER/root
files_of()
{
        local here=$1 architecture=$2

        shift 2
        apt_private "$here/apt" "$architecture" "$release"
        (cd "$here" && apt-get -q download "$@" >&2) ||
                cannot "packages could not be fetched from $debian_mirror: $*"
        unpack "$here/root" "$here"/*.deb || cannot "packages do not unpack"
        rm -f "$here"/*.deb
}

# kernel_version APT: the kernel that the release's package of packages wants, 6.12.107+deb13
kernel_version()
{
        APT_CONFIG=$1/apt.conf apt-cache depends linux-image-riscv64 |
                sed -n '/^ *Depends: linux-image-.*-riscv64$/ { s/.*image-//; s/-riscv64$//p; q }'
}

# Programs that were built for another C library are started by that one: FOLDER/root, PROGRAM
wrap()
{
        local root=$1 program=$2 loader

        loader=$(find "$root/usr/lib" -name 'ld-linux*.so.*' -type f | head -n 1)
        [[ -n $loader ]] || cannot "the packages hold no C library"
        mv "$program" "$program.elf"
        # modpost is a program that starts the one for the target's words
        if [[ -f $program.real-lsb-64 ]]; then
                mv "$program.real-lsb-64" "$program.elf"
        fi
        printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" \
                "$(dirname "$loader")" "$program.elf" >"$program"
        chmod +x "$program"
}

# vfio_build WORK VERSION: vfio.ko with CONFIG_VFIO_NOIOMMU, in WORK/vfio
vfio_build()
{
        local work=$1 version=$2 headers tool

        headers=$work/target/root/usr/src/linux-headers-$version
        # tools of the kernel's build are programs of this machine
        files_of "$work/tools" "$(dpkg --print-architecture)" "linux-kbuild-$version" libc6
        cp -r "$work/tools/root/usr/lib/linux-kbuild-$version" "$work/target/root/usr/lib/"
        for tool in basic/fixdep genksyms/genksyms mod/modpost; do
                wrap "$work/tools/root" \
                        "$work/target/root/usr/lib/linux-kbuild-$version/scripts/$tool"
        done
        mkdir -p "$work/vfio"
        tar -xJf "$work"/target/root/usr/src/linux-source-*.tar.xz -C "$work/vfio" \
                --strip-components=3 --no-wildcards-match-slash --wildcards \
                'linux-source-*/drivers/vfio/*.[ch]' 'linux-source-*/drivers/vfio/Makefile'
        # No type information beside the kernel's own, which would want one more tool.
        make -C "$headers-riscv64" -f "$headers-common/Makefile" M="$work/vfio" ARCH=riscv \
                CROSS_COMPILE=riscv64-linux-gnu- CC=riscv64-linux-gnu-gcc \
                KERNELRELEASE="$version-riscv64" CONFIG_DEBUG_INFO_BTF_MODULES= \
                CONFIG_VFIO_PCI_CORE= KCFLAGS=-DCONFIG_VFIO_NOIOMMU=1 modules >&2 ||
                cannot "vfio.ko does not compile"
        riscv64-linux-gnu-strip -g "$work/vfio/vfio.ko"
}

modules_take()
{
        local from=$1 to=$2 name file

        mkdir -p "$to"
        for name in irqbypass vfio vfio-pci-core vfio-pci; do
                file=$(find "$from" -name "$name.ko" -o -name "$name.ko.xz" | head -n 1)
                case $file in
                *.xz) xz -dc "$file" >"$to/$name.ko" ;;
                ?*) cp "$file" "$to/" ;;
                esac
        done
}

make_folder()
{
        local made=$folder.partial version work root

        say "making $folder: Linux of Debian $release for riscv64 from $debian_mirror"
        rm -rf --one-file-system "$made" "$folder"
        work=$made/work
        mkdir -p "$work/target"
        work=$(realpath "$work")
        apt_private "$work/target/apt" riscv64 "$release"
        version=$(kernel_version "$work/target/apt") || version=
        [[ -n $version ]] ||
                cannot "no kernel for riscv64 in Debian $release at $debian_mirror"
        files_of "$work/target" riscv64 "linux-image-$version-riscv64" busybox-static \
                "linux-headers-$version-riscv64" "linux-headers-$version-common" \
                "linux-source-${version%%.*}.$(cut -d. -f2 <<<"$version")"
        root=$work/target/root
        cp "$root/boot/vmlinux-$version-riscv64" "$made/vmlinux"
        cp "$root/boot/config-$version-riscv64" "$made/config"
        cp "$root/usr/bin/busybox" "$made/busybox"
        modules_take "$root/usr/lib/modules/$version-riscv64" "$made/modules"
        if ! grep -qx CONFIG_VFIO_NOIOMMU=y "$made/config"; then
                vfio_build "$work" "$version"
                cp "$work/vfio/vfio.ko" "$made/modules/"
        fi
        is_complete "$made" || cannot "the packages do not hold what is expected"
        rm -rf --one-file-system "$work"
        mv "$made" "$folder"
}

folder=${folder:-${UIOMMU_DPDK_ROOTS:-build-roots}/guest-$release}
mkdir -p "$(dirname "$folder")"
folder=$(realpath "$folder")
if ! is_complete "$folder"; then
        apt_private_check
        for command in make xz riscv64-linux-gnu-gcc; do
                command -v "$command" >/dev/null || cannot "$command is not installed"
        done
        make_folder
fi
echo "$folder"
