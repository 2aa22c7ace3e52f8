#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A folder with a small x86-64 kernel that has iommufd and its mock device.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/common.sh
. tools/apt-private.sh
debian_security=${UIOMMU_DEBIAN_SECURITY:-http://deb.debian.org/debian-security}

usage()
{
        cat <<'END'
Usage: test/kernel/kernel.sh [--release RELEASE] [--build]

Prints the folder of a kernel that was built from the newest Linux source of Debian's RELEASE and
its security updates (default: trixie, which has Linux 6.12) with the options in test/kernel/config:

  bzImage      the kernel
  config       all its options
  busybox      statically linked

Folders are in $UIOMMU_DPDK_ROOTS, or else in build-roots; the name of each has the version of
Debian's package and a sum over our options. Without --build it is the newest one of RELEASE that
is there. With --build it is that of the package that the release has now, and it is built where it
is not there: 150 MB are fetched, and two cores take 2 to 4 minutes. Without a network it is the
newest one that is there.

Nothing is installed, and root is not needed.

Environment: UIOMMU_DEBIAN_MIRROR (default http://deb.debian.org/debian) and
UIOMMU_DEBIAN_SECURITY (default http://deb.debian.org/debian-security)

Exit 0: the folder is there, its name is on stdout; 77: it cannot be made here, or may not be, with
the reason on stderr.
END
}

release=trixie
may_build=false
arguments=()
for argument; do
        if [[ $argument == --build ]]; then
                may_build=true
        else
                arguments+=("$argument")
        fi
done
folder_arguments "${arguments[@]}"
((${#words[@]} == 0)) || die "no argument is wanted: ${words[0]}"
release_check "$release"

top=${UIOMMU_DPDK_ROOTS:-build-roots}
mkdir -p "$top"
top=$(realpath "$top")
options=$PWD/test/kernel/config
sum=$(grep '^CONFIG_' "$options" | sha256sum | cut -c 1-8)

is_complete()
{
        [[ -s $1/bzImage && -s $1/config && -s $1/busybox ]]
}

# The newest folder of this release with these options, or nothing.
newest()
{
        local folder

        while read -r folder; do
                if is_complete "$folder"; then
                        echo "$folder"
                        return
                fi
        done < <(find "$top" -maxdepth 1 -name "kernel-$release-*-$sum" | sort -rV)
}

# take FOLDER: it is the answer
take()
{
        echo "$1"
        exit 0
}

# Without a network, or without what a build needs, an older one does.
otherwise()
{
        local folder

        folder=$(newest)
        [[ -n $folder ]] || cannot "$*"
        say "$*; going on with $folder"
        take "$folder"
}

# look_up APT: the release's newest package of sources, into "package" and "version". Mock devices
# were mended by updates, and those of testing come without any.
look_up()
{
        local apt=$1

        if [[ $release != *-backports ]]; then
                echo "deb [signed-by=$debian_keys] $debian_security $release-security main" \
                        >>"$apt/sources.list"
                apt-get -q update >&2 || true
        fi
        echo 'APT::Default-Release "";' >>"$apt/apt.conf"
        package=$(apt-cache pkgnames linux-source- | grep -E '^linux-source-[0-9.]+$' |
                sort -V | tail -n 1)
        [[ -n $package ]] || return
        version=$(apt-cache policy "$package" | sed -n 's/^  Candidate: //p')
        [[ -n $version ]]
}

# configure SOURCE OUT: all options that are wanted and known have come out
configure()
{
        local source=$1 out=$2 line name

        make -s -C "$source" O="$out" allnoconfig KCONFIG_ALLCONFIG="$options" >&2 || return
        while read -r line; do
                grep -qxF "$line" "$out/.config" && continue
                name=${line#CONFIG_}
                name=${name%%=*}
                if grep -rqE --include='Kconfig*' "^\s*(menu)?config $name\$" "$source"; then
                        say "$line did not come out"
                        return 1
                fi
        done < <(grep '^CONFIG_' "$options")
}

make_folder()
{
        local made=$folder.partial work

        say "making $folder: $package $version of Debian $release"
        rm -rf --one-file-system "$made" "$folder"
        work=$made/work
        mkdir -p "$work/packages" "$work/source" "$work/out"
        (cd "$work/packages" && apt-get -q download "$package=$version" busybox-static >&2) ||
                otherwise "packages could not be fetched from $debian_mirror"
        unpack "$work/root" "$work"/packages/*.deb || cannot "packages do not unpack"
        # what is large and of no use here stays out
        tar -xJf "$work/root/usr/src/$package.tar.xz" -C "$work/source" --strip-components=1 \
                --wildcards --exclude='*/drivers/gpu/drm/*/*.[ch]' --exclude='*/sound/*.[ch]' \
                --exclude='*/drivers/net/*.[ch]' --exclude='*/Documentation/*.rst' ||
                cannot "the source does not unpack"
        configure "$work/source" "$work/out" || cannot "the kernel has not all options of $options"
        make -s -C "$work/source" O="$work/out" -j"$(nproc)" bzImage >"$work/log" 2>&1 || {
                tail -n 20 "$work/log" >&2
                die "the kernel does not compile"
        }
        cp "$work/out/arch/x86/boot/bzImage" "$made/bzImage"
        cp "$work/out/.config" "$made/config"
        cp "$work/root/usr/bin/busybox" "$made/busybox"
        rm -rf --one-file-system "$work"
        mv "$made" "$folder"
}

if ! $may_build; then
        folder=$(newest)
        [[ -n $folder ]] ||
                cannot "no kernel of Debian $release is built: tools/test.sh --kernel builds it"
        take "$folder"
fi

[[ $(uname -m) == x86_64 ]] || cannot "this machine is not x86-64"
for command in make gcc flex bison bc xz; do
        command -v "$command" >/dev/null || otherwise "$command is not installed"
done
[[ -e /usr/include/libelf.h || -e /usr/include/gelf.h ]] || otherwise "libelf-dev is not installed"
(apt_private_check) || otherwise "this machine cannot fetch Debian's packages"

apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
status=0
(apt_private "$apt" amd64 "$release") || status=$?
((status == 0)) || otherwise "no list of packages from $debian_mirror"
export APT_CONFIG=$apt/apt.conf
package='' version=''
look_up "$apt" || otherwise "Debian $release has no Linux source"
folder=$top/kernel-$release-${version//[^0-9a-zA-Z.+-]/_}-$sum
is_complete "$folder" || make_folder
take "$folder"
