#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# QEMU guests with a VT-d unit: one in which our program owns it through /dev/mem, and one in which
# the kernel does, so that VFIO has groups. Prints TAP.

set -euo pipefail
here=$(dirname "$0")
. "$here/../../tools/common.sh"
. "$here/common.sh"

usage()
{
        cat <<'END'
Usage: test/guest/run-x86.sh BUILD

BUILD is a build for this machine, which is x86-64 and Debian. The guests are QEMU's "q35" machine
with intel-iommu and edu, Debian's kernel, and a file system of its own. Programs of BUILD run in
them; what they print is judged here, as TAP on stdout. It takes a minute.

QEMU (10 or newer) is that of UIOMMU_QEMU_DIR/bin, of PATH, or what tools/get-qemu.sh fetches;
the kernel is what test/guest/kernel-x86.sh fetches. Where one cannot be had, the test is skipped
with the reason.
END
}

if (($# != 1)) || [[ $1 == -* ]]; then
        usage >&2
        exit 2
fi
build=$1
guest_seconds=150

# A unit with first-stage tables, by the name that this QEMU has for them; nothing: it has none.
unit_of()
{
        local names flag

        names=$("$1" -device intel-iommu,help 2>/dev/null) || return 0
        for flag in fsts x-flts; do
                if grep -q "^  $flag=" <<<"$names"; then
                        echo "intel-iommu,${flag%%f*}scalable-mode=on,$flag=on,aw-bits=48"
                        return
                fi
        done
}

has_unit()
{
        [[ -n $(unit_of "$1") ]]
}

[[ $(uname -m) == x86_64 ]] || skip "this machine is not x86-64"
for command in cpio gzip; do
        command -v "$command" >/dev/null || skip "$command is not installed"
done
program=$build/examples/own-a-unit/own-a-unit
[[ -x $program ]] || die "$program is not built"
kernel=
made kernel "$here/kernel-x86.sh"
find_qemu qemu-system-x86_64 has_unit
unit=$(unit_of "$qemu")
[[ -n $unit ]] || skip "$qemu has no VT-d unit with first-stage tables"

root=$scratch/root
x86_root "$root" "$kernel/busybox" "$here/init" "$program"
install -m 755 "$here/scenes-x86" "$root/bin/scenes"
cp "$kernel"/modules/*.ko "$root/modules/"
initramfs "$root" "$scratch/initramfs"

# guest FILE WORDS: what it prints goes to the file. Bounded, for it may hang.
guest()
{
        local status=0

        timeout --foreground "$guest_seconds" "$qemu" -nodefaults -no-user-config -display none \
                -serial stdio -no-reboot -machine q35,kernel-irqchip=split -accel tcg \
                -cpu Nehalem -smp 2 -m 1G -kernel "$kernel/vmlinuz" \
                -initrd "$scratch/initramfs" \
                -append "console=ttyS0 quiet panic=-1 hugepages=160 cryptomgr.notests $2" \
                -device "$unit" -device edu,addr=3,dma_mask=0xffffffffffffffff \
                </dev/null >"$scratch/raw" 2>"$scratch/errors" || status=$?
        tr -d '\r' <"$scratch/raw" >"$1"
        cat "$1" "$scratch/errors" | sed 's/^/# /'
        check "a guest ($2) starts, and ends by itself" \
                test "$status/$(grep -c '^guest: off' "$1")" = 0/1
        transcript=$1
}

guest "$scratch/free" 'intel_iommu=off intremap=off'
check 'a unit that the table has not' says 'no such unit' \
        'devmem: vtd0: no unit=1: the DMAR table has 1, counted from 0'
check 'an address that the table has not' says 'no such address' 'devmem: vtd0: no unit at'\
' 0xfed91000 in the DMAR table, which has 1: give unit=, or force=1 if the address is right all'\
' the same'
check 'memory is no unit' says 'memory' 'devmem: vtd0: 4096 bytes at 0x100000 are System RAM,'\
' not registers: another address='
check 'no hugepages' says 'no hugepages' 'devmem: vtd0: memory has no physical addresses: start'\
' EAL without --no-huge, and give it hugepages'
check 'virtual addresses' says 'virtual' 'devmem: vtd0: the unit takes physical addresses, but'\
' EAL goes by virtual ones: start EAL with --iova-mode=pa, as root'
check 'the unit is owned, by its number' owns unit
check 'the unit is owned, by its address' owns address
check 'a program that dies leaves the unit as it is, and the next one is refused' \
        says 'in use' '== in use: exit 1'
check 'and is told why' says_like 'in use' \
        'vtd: vtd0: unit is in use and takeover=1 was not given (GSTS 0x'
check 'the unit is taken over' owns 'take over'
check 'VFIO without an IOMMU' says 'no group' 'vfio: vtd0: 0000:00:03.0 is not bound to a driver,'\
' and vfio-pci does not take it: it has no IOMMU group, and this kernel has no noiommu mode'\
' (CONFIG_VFIO_NOIOMMU)'

guest "$scratch/owned" 'intel_iommu=on'
check 'the unit is the kernel'\''s' says 'owned' 'devmem: vtd0: the running kernel owns the unit'\
' at 0xfed90000 (dmar0): boot it with intel_iommu=off'
check 'interrupts are remapped' says 'interrupts' 'devmem: vtd0: the running kernel has its'\
' interrupts remapped, by this unit or another one: boot it with intremap=off'
check 'a function without a driver' says 'unbound' 'vfio: vtd0: 0000:00:03.0 is not bound to a'\
' driver: bind it to vfio-pci'
for mode in physical virtual 'small pages'; do
        check "a function of a group is opened, with addresses: $mode" says "group, $mode" \
                'vfio: vtd0: 0000:00:03.0: group 1, BAR 0 of 1048576 bytes'
        check "and refused by the driver, for it is no unit: $mode" says "group, $mode" \
                'vtd: vtd0: no unit there: registers read as all ones'
done
check 'a BAR that is not there' says 'no such BAR' 'vfio: vtd0: 0000:00:03.0 has no BAR 1:'\
' another bar='
plan
