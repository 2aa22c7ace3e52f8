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

# Bits of the extended capability register, VT-d S 11.4.3, and what the line is to name.
while read -r bit word; do
        storm --duration 1 --iommu "vtd,platform=emu,ecap_clear=$((1 << bit))"
        check "without ECAP.$word" refused "ECAP.$word"
done <<'END'
0 C
1 QI
2 DT
29 PRS
40 PASID
42 PDS
43 SMTS
END
# Bits of SMMU_IDR0, SMMUv3 S 6.3.1.
while read -r bit word; do
        storm --duration 1 --iommu "smmuv3,platform=emu,idr0_clear=$((1 << bit))"
        check "without IDR0.$word" refused "IDR0.$word"
done <<'END'
1 S1P
3 TTF
4 COHACC
END
for unit in vtd smmuv3; do
        storm --duration 1 --iommu "$unit,platform=emu,coherent=0"
        check "$unit: memory that is not coherent" refused "not coherent"
done

# What a storm wants and its driver can do without, IDR0.ATS with IDR0.PRI and IDR0.STALL_MODEL:
# wrong usage.
not_this_source()
{
        ended_with 2 && says_why && grep -q -e "--source" "$scratch/stderr"
}

storm --duration 1 --iommu "smmuv3,platform=emu,idr0_clear=0x10400"
check "without page requests" not_this_source
storm --duration 1 --source both --iommu "smmuv3,platform=emu,idr0_clear=0x10400"
check "both, without page requests" not_this_source
storm --duration 1 --source stall --iommu "smmuv3,platform=emu,idr0_set=0x1000000"
check "without stalls" not_this_source
storm --duration 1 --source stall --no-bound --iommu "smmuv3,platform=emu,idr0_clear=0x10400"
check "stalls, without page requests" ended_with 0
finish
