#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# What a request costs as the number of PASIDs and endpoints grows, and what page tables cost. CSV
# on stdout.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

usage()
{
        cat <<'END'
Usage: tools/bench.sh [storm [--duration SECONDS] [arguments of uiommu-storm]]
       tools/bench.sh tables [arguments of uiommu-bench]

storm: one storm for each number of PASIDs (1 to 65536, endpoints as the storm chooses them) and
of endpoints (1 to 256, with 256 PASIDs in all). Columns: series, endpoints, PASIDs, requests/s, ns
per request of the fault lcore, bound ratio, and ns per request over that of the series' first
row.

tables: uiommu-bench, in release build: page tables beside what a process pays the kernel, and
domains on an emulated unit. Its own columns.

Without a word, or with an option first: both, the storms first, an empty line between them; the
options are the storm's.
END
}

what=both
case ${1:-} in
storm | tables)
        what=$1
        shift
        ;;
esac

duration=5
while [[ $what != tables ]] && (($# > 0)); do
        case $1 in
        --duration)
                (($# > 1)) || die "--duration wants a value"
                duration=$2
                shift 2
                ;;
        --help | -h)
                usage
                exit 0
                ;;
        *)
                break
                ;;
        esac
done

# tables [arguments]
tables()
{
        # makes build/ what it should be
        tools/storm.sh --version >&2
        say "building"
        ninja -C build app/bench/uiommu-bench >&2
        build/app/bench/uiommu-bench --csv - "$@"
}

if [[ $what == tables ]]; then
        tables "$@"
        exit
fi

report=$(mktemp)
trap 'rm -f "$report"' EXIT
first=

# row SERIES [arguments]
row()
{
        local series=$1 line cost

        shift
        say "$*"
        tools/storm.sh --duration "$duration" --quiet --json "$report" "$@" >&2
        line=$(python3 -c '
import json, sys
report = json.load(open(sys.argv[1]))
config = report["config"]
print("%d,%d,%.0f,%.2f,%.3f" % (config["endpoints"], config["pasids"], report["requests_per_s"],
                                report["ns_per_request"], report["bound_ratio"]))
' "$report")
        cost=$(cut -d, -f4 <<<"$line")
        first=${first:-$cost}
        echo "$series,$line,$(awk -v cost="$cost" -v first="$first" \
                'BEGIN { printf "%.2f", cost / first }')"
}

echo "series,endpoints,pasids,requests_per_s,ns_per_request,bound_ratio,growth"
for pasids in 1 16 64 256 1024 4096 16384 65536; do
        row pasids --pasids "$pasids" "$@"
done
first=
for endpoints in 1 4 16 64 256; do
        row endpoints --endpoints "$endpoints" --pasids 256 "$@"
done
if [[ $what == both ]]; then
        echo
        tables
fi
