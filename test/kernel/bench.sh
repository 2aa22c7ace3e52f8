#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# What a page request costs over the kernel's fault queue, in instructions and in time.

set -euo pipefail
here=$(dirname "$0")
. "$here/../../tools/common.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

usage()
{
        cat <<'END'
Usage: test/kernel/bench.sh [options] BUILD [arguments of uiommu-bench]

Runs uiommu-bench of BUILD twice in the guest of test/kernel/run.sh: on one processor whose clock
counts instructions (QEMU's -icount), and on two in time. Prints a table: instructions, and
requests/s as an emulated processor has them. Cases are "fault" and "idle" unless arguments say
otherwise.

  --json FILE     what both runs have measured, with all samples
  --instructions  the first run only
  --limit RATIO   fail where the engine takes more instructions than so many times those of a plain
                  loop in bursts (1.15, say)

Exit 0: measured; 1: not, or beyond the limit; 77: no kernel or no QEMU.
END
}

json='' limit='' runs='instructions time'
while (($# > 0)); do
        case $1 in
        --json | --limit)
                (($# > 1)) || die "$1 wants a value"
                printf -v "${1#--}" %s "$2"
                shift
                ;;
        --instructions) runs=instructions ;;
        -*) explain "$1" ;;
        *) break ;;
        esac
        shift
done
(($# > 0)) || explain
build=$1
shift
(($# > 0)) || set -- --case fault,idle

# measure NAME QEMU [arguments]: the report, as JSON, into a file of this name
measure()
{
        local name=$1 words=$2 status=0

        shift 2
        say "measuring $name"
        "$here/run.sh" --qemu "$words" --script "$here/bench-guest" "$build" "$@" \
                >"$scratch/output" 2>"$scratch/errors" || status=$?
        if grep -q '^1\.\.0 # SKIP' "$scratch/output"; then
                sed -n 's/^1\.\.0 # SKIP //p' "$scratch/output" >&2
                exit 77
        fi
        sed -n '/^== report/,/^== end/p' "$scratch/output" | sed '1d;$d' >"$scratch/$name"
        if ((status != 0)) || [[ ! -s $scratch/$name ]]; then
                cat "$scratch/output" "$scratch/errors" >&2
                die "uiommu-bench did not measure $name in the guest"
        fi
}

for run in $runs; do
        case $run in
        instructions) measure "$run" '-smp 1 -icount shift=0,sleep=off' --icount "$@" ;;
        time) measure "$run" '-smp 2' "$@" ;;
        esac
done

python3 - "$scratch" "$json" "$limit" <<'END'
import json
import os
import sys

scratch, to, limit = sys.argv[1:]
reports = {}
for name in ('instructions', 'time'):
    path = os.path.join(scratch, name)
    if os.path.exists(path):
        with open(path, encoding='utf-8') as source:
            reports[name] = json.load(source)
first = reports['instructions']
ns = {p['name']: p['ns'] for p in reports.get('time', {'points': []})['points']}
print('%-36s %12s %12s %10s' % ('', 'instructions', '1/s', 'ns'))
before = ''
for p in first['points']:
    if p['case'] != before:
        print()
    before = p['case']
    line = '%-36s %12.1f' % (p['name'], p['instructions'])
    if p['name'] in ns:
        line += ' %12.0f %10.1f' % (1e9 / ns[p['name']], ns[p['name']])
    ratios = ', '.join('%.3f of %s' % (r, other) for other, r in p['ratio_to'].items())
    print(line + ('  ' + ratios if ratios else ''))
for name, why in first['missing'].items():
    print('%-36s missing: %s' % (name, why))
if to:
    with open(to, 'w', encoding='utf-8') as f:
        json.dump(reports, f, indent=2)
        f.write('\n')
if limit:
    ratio = next((p['ratio_to'].get('loop by 64') for p in first['points']
                  if p['name'] == 'engine, iommufd'), None)
    if ratio is None or ratio > float(limit):
        sys.exit('the engine takes %s times the instructions of a plain loop; limit %s' %
                 (ratio, limit))
END
