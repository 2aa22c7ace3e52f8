#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A folder with a newer QEMU than this machine's, for the tests that drive its IOMMUs.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh
. tools/apt-private.sh

usage()
{
        cat <<'END'
Usage: tools/get-qemu.sh [--release RELEASE] [FOLDER]

Fetches QEMU's system emulators for Arm, RISC-V and x86 with all that they need, of Debian's
RELEASE, and unpacks them in FOLDER (default: qemu-RELEASE in $UIOMMU_DPDK_ROOTS, or else in
build-roots), unless they are there. Nothing is installed and no package of this machine is
looked at: the programs bring their own C library, so that of a newer release runs here too. Root
is not needed.

FOLDER/bin has the programs, FOLDER/root their files (firmware is in FOLDER/root/usr/share). The
tests find it by UIOMMU_QEMU_DIR=FOLDER.

RELEASE: bookworm-backports, trixie, sid, ... Without it: on Debian 12 its backports, which have
QEMU 10; elsewhere the release that runs here.

Environment: UIOMMU_DEBIAN_MIRROR (default http://deb.debian.org/debian)

Exit 0: the folder is there, its name is on stdout; 77: it cannot be made here, with the reason on
stderr.
END
}

packages=(qemu-system-arm qemu-system-x86 opensbi seabios)
release=
folder_arguments "$@"
((${#words[@]} < 2)) || die "one folder only"
folder=${words[0]-}

apt_private_check
if [[ -z $release ]]; then
        release=$(debian_release)
        [[ $release != bookworm ]] || release=bookworm-backports
fi
release_check "$release"

# The emulator for RISC-V has a package of its own from trixie on.
package_of_riscv()
{
        if [[ -n $(APT_CONFIG=$1/apt.conf apt-cache --names-only search '^qemu-system-riscv$') ]]
        then
                echo qemu-system-riscv
        else
                echo qemu-system-misc
        fi
}

# write_program FOLDER NAME: the program with the libraries, modules and firmware of its folder,
# wherever that is
write_program()
{
        local loader

        loader=$(cd "$1/root" && find usr/lib usr/lib64 -name 'ld-linux*.so.*' -type f | head -n 1)
        [[ -n $loader ]] || cannot "the packages hold no C library"
        cat >"$1/bin/$2" <<END
#!/bin/sh
root=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")/root
here=\$root/usr/lib/$(basename "$(dirname "$loader")")
export QEMU_MODULE_DIR="\$here/qemu"
exec "\$root/$loader" --library-path "\$here" "\$root/usr/bin/$2" \\
        -L "\$root/usr/share/qemu" -L "\$root/usr/share/seabios" "\$@"
END
        chmod +x "$1/bin/$2"
}

# Whether the programs start: FOLDER
starts()
{
        local name

        for name in aarch64 riscv64 x86_64; do
                "$1/bin/qemu-system-$name" --version >/dev/null || return 1
        done
}

make_folder()
{
        local made=$folder.partial name

        say "making $folder: QEMU of Debian $release from $debian_mirror"
        rm -rf --one-file-system "$made" "$folder"
        mkdir -p "$made/bin"
        apt_private "$made/apt" "$(dpkg --print-architecture)" "$release"
        apt_fetch "$made/apt" "${packages[@]}" "$(package_of_riscv "$made/apt")"
        unpack "$made/root" "$made"/apt/cache/archives/*.deb || cannot "packages do not unpack"
        for name in aarch64 riscv64 x86_64; do
                write_program "$made" "qemu-system-$name"
        done
        starts "$made" || cannot "QEMU of $release does not start here"
        rm -rf --one-file-system "$made/apt"
        mv "$made" "$folder"
}

folder=${folder:-${UIOMMU_DPDK_ROOTS:-build-roots}/qemu-$release}
mkdir -p "$(dirname "$folder")"
folder=$(realpath "$folder")
starts "$folder" 2>/dev/null || make_folder
echo "$folder"
