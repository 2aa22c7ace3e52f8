#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Build and unit-test with the DPDK of other Debian releases, each in a root folder of its own.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

usage()
{
        cat <<'END'
Usage: tools/other-dpdk.sh [--roots FOLDER] [--results FILE] [release...]

For each Debian release (default: trixie with DPDK 24.11, forky with 25.11): makes a root folder
with debootstrap unless it is there, copies the tree in, builds with warnings as errors, and runs
the unit tests that need no EAL. As root, on Debian, with the network for the first time.

  --roots FOLDER   where the root folders are or will be (default build-roots, or
                   $UIOMMU_DPDK_ROOTS)
  --results FILE   add one line for each result: pass|fail|skip TAB name TAB reason

Environment: UIOMMU_DEBIAN_MIRROR (default http://deb.debian.org/debian)

Exit 0: all fine; 1: something failed; 77: cannot be done here, with the reason on stderr.
END
}

roots=${UIOMMU_DPDK_ROOTS:-build-roots}
results=/dev/null
releases=()
while (($# > 0)); do
        case $1 in
        --roots | --results)
                (($# > 1)) || die "$1 wants a value"
                if [[ $1 == --roots ]]; then
                        roots=$2
                else
                        results=$(realpath "$2")
                fi
                shift
                ;;
        --help | -h)
                usage
                exit 0
                ;;
        -*)
                usage >&2
                exit 2
                ;;
        *)
                releases+=("$1")
                ;;
        esac
        shift
done
((${#releases[@]} > 0)) || releases=(trixie forky)

mirror=${UIOMMU_DEBIAN_MIRROR:-http://deb.debian.org/debian}
packages=(gcc libc6-dev meson ninja-build pkg-config python3 libdpdk-dev libnuma-dev libcmocka-dev
        libjansson-dev)
failed=0

cannot()
{
        say "$*"
        exit 77
}

record()
{
        printf '%s\t%s\t%s\n' "$1" "other-dpdk: $2" "${3-}" >>"$results"
        echo "$1: $2${3:+ ($3)}"
        [[ $1 != fail ]] || failed=1
}

# Mounts are made in a namespace of their own, so that none is left behind.
in_root()
{
        local root=$1

        shift
        # shellcheck disable=SC2016
        unshare --mount -- sh -c '
                root=$1
                shift
                mount -t proc proc "$root/proc" || exit 1
                mount --bind /dev "$root/dev" || exit 1
                exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
                        LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
        ' in_root "$root" "$@"
}

# A root that was made half way is thrown away and made anew.
make_root()
{
        local release=$1 root=$2 script=/usr/share/debootstrap/scripts/$1

        if [[ -x $root/usr/bin/meson && -d $root/usr/include/dpdk ]]; then
                return 0
        fi
        [[ ! -e $root || -e $root.partial ]] || {
                say "$root is there, but has no meson or no DPDK"
                return 1
        }
        # Releases that are younger than this debootstrap are made as sid is.
        [[ -e $script ]] || script=/usr/share/debootstrap/scripts/sid
        rm -rf --one-file-system "$root"
        touch "$root.partial"
        say "making $root: Debian $release from $mirror"
        debootstrap --variant=minbase "$release" "$root" "$mirror" "$script" >&2 || return 1
        # The clock of a build machine may be off by weeks; signatures are checked all the same.
        in_root "$root" apt-get -q -o Acquire::Check-Date=false \
                -o Acquire::Check-Valid-Until=false update >&2 || return 1
        in_root "$root" apt-get -q -y --no-install-recommends install "${packages[@]}" >&2 ||
                return 1
        rm -f "$root.partial"
}

copy_tree()
{
        local to=$1

        rm -rf --one-file-system "$to"
        mkdir -p "$to"
        tar --exclude-vcs --exclude='./build*' -cf - . | tar -C "$to" -xf -
}

try_release()
{
        local release=$1 root=$roots/$1 version name

        if ! make_root "$release" "$root"; then
                record skip "$release" "no root folder could be made from $mirror"
                return 0
        fi
        version=$(in_root "$root" pkg-config --modversion libdpdk)
        name="DPDK $version ($release)"
        copy_tree "$root/uiommu"
        if ! in_root "$root" meson setup /uiommu/build-other /uiommu -Dwerror=true \
                -Dtests=enabled -Dfuzz=disabled; then
                record fail "$name: configure"
                return 0
        fi
        if ! in_root "$root" ninja -C /uiommu/build-other; then
                record fail "$name: build without a warning"
                return 0
        fi
        record pass "$name: build without a warning"
        if in_root "$root" meson test -C /uiommu/build-other --no-rebuild --print-errorlogs \
                --suite unit; then
                record pass "$name: unit tests"
        else
                record fail "$name: unit tests"
        fi
}

[[ $(id -u) -eq 0 ]] || cannot "needs root"
unshare --mount true 2>/dev/null || cannot "mount namespaces are not allowed here"
command -v debootstrap >/dev/null || cannot "debootstrap is not installed"
mkdir -p "$roots"
roots=$(realpath "$roots")
for release in "${releases[@]}"; do
        try_release "$release"
done
exit $failed
