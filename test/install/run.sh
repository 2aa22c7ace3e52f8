#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# run.sh BUILD SOURCE: install the build into a scratch folder, then build and run the example with
# nothing but what was installed. Prints TAP.

set -euo pipefail
build=$1
source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cases=0
failures=0

# check NAME COMMAND...: its output follows where it fails
check()
{
        local name=$1

        shift
        cases=$((cases + 1))
        if "$@" >"$scratch/out" 2>&1; then
                echo "ok $cases - $name"
        else
                echo "not ok $cases - $name"
                sed 's/^/# /' "$scratch/out" | tail -n 40
                failures=$((failures + 1))
        fi
}

# ends_with STATUS COMMAND...
ends_with()
{
        local status=0 wanted=$1

        shift
        "$@" || status=$?
        ((status == wanted))
}

check "meson install" meson install -C "$build" --no-rebuild --destdir "$scratch/root"

# The package was made for its final place; it is told the place where it is.
pc=$(find "$scratch/root" -name libuiommu.pc)
prefix=$(sed -n 's/^prefix=//p' "$pc")
sed -i "s|^prefix=.*|prefix=$scratch/root$prefix|" "$pc"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir libuiommu)
export LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

check "pkg-config knows the version" \
        test "$(pkg-config --modversion libuiommu)" = "$(cat "$source/VERSION")"
for header in "$source"/lib/iommu/uiommu*.h; do
        name=$(basename "$header")
        case $name in
        uiommu_pvt.h | uiommu_compat.h)
                check "$name is not installed" test -z "$(find "$scratch/root" -name "$name")"
                ;;
        *)
                check "$name is installed" test -n "$(find "$scratch/root" -name "$name")"
                ;;
        esac
done

for example in "$source"/examples/*/; do
        name=$(basename "$example")
        cp -r "$example" "$scratch/example"
        check "example $name builds with its Makefile" make -C "$scratch/example"
        check "example $name: drivers are linked though no symbol of theirs is named" \
                sh -c "readelf -d '$scratch/example/$name' | grep -q libuiommu_vtd"
        eal=(--no-huge -m 64 --no-pci --no-shconf --no-telemetry
                --file-prefix="uiommu-install-$$" -l 0)
        # these want a machine of their own, see test/guest and test/kernel
        if [[ $name == own-a-unit || $name == own-a-device ]]; then
                check "example $name says how it is called" \
                        ends_with 2 "$scratch/example/$name" "${eal[@]}"
        else
                check "example $name runs and finds all as it should be" \
                        "$scratch/example/$name" "${eal[@]}"
        fi
        if [[ $name == count-faults ]]; then
                for unit in smmuv3 riscv; do
                        check "example $name runs on another unit, $unit" \
                                "$scratch/example/$name" "${eal[@]}" -- "$unit,platform=emu"
                done
        fi
        rm -rf "$scratch/example"
done
# shellcheck disable=SC2016
check "the program of the package runs" \
        sh -c '"$(find "$1" -type f -name uiommu-storm)" --version' sh "$scratch/root"
echo "1..$cases"
((failures == 0))
