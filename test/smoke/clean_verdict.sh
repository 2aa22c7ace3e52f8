#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# clean_verdict.sh [EXPECTATION...] -- [storm arguments]: a short storm with a clean verdict.
# An expectation is "member op number" on the report, such as "bad_requests > 0". The bound, which
# takes a second, is measured where something is expected of it.

. "$(dirname "$0")/common.sh"

expectations=()
arguments=(--no-bound)
while (($# > 0)) && [[ $1 != -- ]]; do
        expectations+=("$1")
        [[ $1 != bound_* ]] || arguments=()
        shift
done
shift

storm --duration 0.5 "${arguments[@]}" --json "$scratch/report.json" "$@"
check "exit 0" ended_with 0
if [[ -s $scratch/report.json ]]; then
        python3 "$(dirname "$0")/check_report.py" "$scratch/report.json" "${expectations[@]}" \
                >"$scratch/check" || true
        while read -r verdict text; do
                check "$text" test "$verdict" = ok
        done < <(sed 's/^not ok/notok/' "$scratch/check")
else
        check "a report is written" false
fi
lines=$(wc -l <"$scratch/stderr")
check "no line in the log for each request ($lines lines)" test "$lines" -lt 200
finish
