#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A folder with Debian's arm64 headers and libraries, for the cross compiler and qemu-user.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

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
mirror=${UIOMMU_DEBIAN_MIRROR:-http://deb.debian.org/debian}
packages=(libc6-dev libdpdk-dev libnuma-dev libjansson-dev libcmocka-dev)
keys=/usr/share/keyrings/debian-archive-keyring.gpg

cannot()
{
        say "$*"
        exit 77
}

# An apt of its own, that knows nothing of this machine's packages and sources.
apt_prepare()
{
        local folder=$1 release=$2

        mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial" \
                "$folder/etc/apt.conf.d" "$folder/etc/preferences.d"
        : >"$folder/status"
        echo "deb [signed-by=$keys] $mirror $release main" >"$folder/sources.list"
        # The clock of a build machine may be off by weeks; signatures are checked all the same.
        cat >"$folder/apt.conf" <<END
Dir::State "$folder/state";
Dir::State::status "$folder/status";
Dir::Cache "$folder/cache";
Dir::Etc "$folder/etc";
Dir::Etc::sourcelist "$folder/sources.list";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Check-Date "false";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
END
}

# Folders that are links in a merged system are links here too.
unpack()
{
        local to=$1 package folder

        shift
        mkdir -p "$to/usr"
        for folder in bin lib sbin; do
                mkdir -p "$to/usr/$folder"
                ln -s "usr/$folder" "$to/$folder"
        done
        for package; do
                dpkg-deb --fsys-tarfile "$package" | tar -C "$to" -x --keep-directory-symlink \
                        --no-same-owner --exclude=./dev --exclude='./usr/share/doc' \
                        --exclude='./usr/share/man' --exclude='./usr/share/locale'
        done
}

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

        release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
        say "making $root: Debian $release for arm64 from $mirror"
        rm -rf --one-file-system "$made" "$root"
        mkdir -p "$made"
        apt_prepare "$made/apt" "$release"
        export APT_CONFIG=$made/apt/apt.conf
        apt-get -q update >&2 || cannot "no list of packages from $mirror"
        apt-get -q -y --download-only install "${packages[@]}" >&2 ||
                cannot "packages for arm64 could not be fetched from $mirror"
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

for command in apt-get dpkg-deb tar; do
        command -v "$command" >/dev/null || cannot "$command is not there: this is no Debian"
done
grep -qx 'ID=debian' /etc/os-release || cannot "this is no Debian"
[[ -r $keys ]] || cannot "$keys is not there: debian-archive-keyring is not installed"
mkdir -p "$(dirname "$root")"
root=$(realpath "$root")
links_check "$root/root" || make_root
write_ini
echo "$root"
