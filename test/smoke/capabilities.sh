#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A unit without a capability that its driver needs: one line that names it, and exit 1.

. "$(dirname "$0")/common.sh"

refused()
{
        ended_with 1 && says_why && grep -q "not supported: .*$1" "$scratch/stderr"
}

# A unit with a bit of a register cleared, for each bit and its name on stdin: the line names it.
without() # UNIT REGISTER DEVARG
{
        local bit word

        while read -r bit word; do
                storm --duration 1 --iommu "$1,platform=emu,$3=$((1 << bit))"
                check "without $2.$word" refused "$2.$word"
        done
}

# The extended capability register, VT-d S 11.4.3.
without vtd ECAP ecap_clear <<'END'
1 QI
43 SMTS
END
# SMMU_IDR0, SMMUv3 S 6.3.1.
without smmuv3 IDR0 idr0_clear <<'END'
1 S1P
3 TTF
4 COHACC
END
for unit in vtd smmuv3 riscv; do
        storm --duration 1 --iommu "$unit,platform=emu,coherent=0"
        check "$unit: memory that is not coherent" refused "not coherent"
done

# What a storm wants and its driver can do without: wrong usage. ECAP's DT, PRS, PDS; IDR0.ATS with
# IDR0.PRI and IDR0.STALL_MODEL; capabilities.ATS.
not_this_source()
{
        ended_with 2 && says_why && grep -q -e "--source" "$scratch/stderr"
}

for bit in 2 29 42; do
        storm --duration 1 --iommu "vtd,platform=emu,ecap_clear=$((1 << bit))"
        check "vtd: without page requests, ECAP bit $bit" not_this_source
done
not_these_pasids()
{
        ended_with 2 && says_why && grep -q -e "--pasids" "$scratch/stderr"
}
storm --duration 1 --iommu "vtd,platform=emu,ecap_clear=$((1 << 40))"
check "vtd: without PASIDs" not_these_pasids
# ECAP.C: tables are brought out of the caches
storm --duration 0.3 --no-bound --iommu "vtd,platform=emu,ecap_clear=1"
check "vtd: walks do not snoop" ended_with 0
storm --duration 1 --iommu "smmuv3,platform=emu,idr0_clear=0x10400"
check "without page requests" not_this_source
storm --duration 1 --iommu "riscv,platform=emu,caps_clear=$((1 << 25))"
check "riscv: without page requests" not_this_source
storm --duration 1 --source both --iommu "smmuv3,platform=emu,idr0_clear=0x10400"
check "both, without page requests" not_this_source
storm --duration 1 --source stall --iommu "smmuv3,platform=emu,idr0_set=0x1000000"
check "without stalls" not_this_source
storm --duration 1 --source stall --no-bound --iommu "smmuv3,platform=emu,idr0_clear=0x10400"
check "stalls, without page requests" ended_with 0
finish
