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
storm --duration 1 --iommu "vtd,platform=emu,coherent=0"
check "memory that is not coherent" refused "not coherent"
finish
