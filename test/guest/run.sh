#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A QEMU guest in which our program owns a RISC-V IOMMU through VFIO. Prints TAP.

set -euo pipefail
here=$(dirname "$0")
. "$here/../../tools/common.sh"
. "$here/common.sh"

usage()
{
        cat <<'END'
Usage: test/guest/run.sh [--shell] BUILD

BUILD is a build for riscv64 (tools/test.sh --builds riscv64 leaves one in build-test/riscv64). The
guest is QEMU's "virt" machine with riscv-iommu-pci and edu, Debian's riscv64 kernel, and a file
system of its own. Programs of BUILD run in it; what they print is judged here, as TAP on stdout.

  --shell   no test: a shell in the guest; "scenes" runs what the test runs, "poweroff -f" ends it

QEMU (10 or newer) is that of UIOMMU_QEMU_DIR/bin, of PATH, or what tools/get-qemu.sh fetches; the
kernel is what test/guest/kernel.sh fetches. Where one cannot be had, the test is skipped with the
reason.
END
}

shell=false
if [[ ${1-} == --shell ]]; then
        shell=true
        shift
fi
if (($# != 1)) || [[ $1 == -* ]]; then
        explain "$@"
fi
build=$1
guest_seconds=300

has_unit()
{
        "$1" -device riscv-iommu-pci,help 2>/dev/null |
                grep -x 'riscv-iommu-pci options:' >/dev/null
}

for command in cpio gzip riscv64-linux-gnu-strip; do
        command -v "$command" >/dev/null || skip "$command is not installed"
done
kernel=
root=
made kernel "$here/kernel.sh"
made root "$here/../../tools/cross-root.sh" riscv64
find_qemu qemu-system-riscv64 has_unit
"$here/initramfs.sh" "$kernel" "$root/root" "$build" "$scratch/initramfs" \
        examples/own-a-unit/own-a-unit app/storm/uiommu-storm

# guest [word of the kernel's command line]: bounded, for it may hang
guest()
{
        timeout --foreground "$guest_seconds" "$qemu" -nodefaults -no-user-config -display none \
                -serial stdio -no-reboot -machine virt -cpu rv64 -smp 3 -m 1G \
                -kernel "$kernel/vmlinux" -initrd "$scratch/initramfs" \
                -append "console=ttyS0 quiet panic=-1 hugepages=160 ${1-}" \
                -device riscv-iommu-pci,addr=1 -device edu,addr=3,dma_mask=0xffffffffffffffff
}

if $shell; then
        guest_seconds=0
        stty raw -echo 2>/dev/null || true
        guest guest=shell || true
        stty sane 2>/dev/null || true
        exit
fi

status=0
guest </dev/null >"$scratch/raw" 2>&1 || status=$?
tr -d '\r' <"$scratch/raw" >"$transcript"
# what firmware says does not count, unless the guest did not come further
if grep -q '^guest: Linux' "$transcript"; then
        sed -n '/^guest: Linux/,$p' "$transcript"
else
        cat "$transcript"
fi | sed 's/^/# /'

check 'the guest starts, and ends by itself' \
        test "$status/$(grep -c '^guest: off' "$transcript")" = 0/1
check 'a unit without a driver is refused, with what to do about it' says unbound \
        'vfio: riscv0: 0000:00:01.0 is not bound to a driver: bind it to vfio-pci'
check 'VFIO has the unit, though there is no IOMMU above it' says bind 'noiommu-0  vfio'
check 'virtual addresses do not do' says virtual "vfio: riscv0: the unit takes physical \
addresses, but EAL goes by virtual ones: start EAL with --iova-mode=pa, as root"
check 'neither does memory that may move' says 'no hugepages' "vfio: riscv0: memory has no \
physical addresses: start EAL without --no-huge, and give it hugepages"
check 'a program that dies leaves the unit as it is, and the next one is refused' \
        says 'in use' '== in use: exit 1'
check 'and is told why' grep -q '^riscv: riscv0: unit is in use and takeover=1 was not given' \
        "$transcript"
check 'the unit is owned' owns own
check 'the unit is taken over' owns 'take over'
check 'a storm on an emulated unit is clean' says storm '           CLEAN'
check 'the storm ends well' says storm '== storm: exit 0'
plan
