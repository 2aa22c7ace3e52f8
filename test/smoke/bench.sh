#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# The benchmark as a user would start it: answers, refusals, and a short run whose figures are
# looked at for sense. How fast it was does not count.
#
# UIOMMU_STORM is the program, as in the other scripts of this folder: here it is uiommu-bench.

. "$(dirname "$0")/common.sh"

check_questions

while read -r -a arguments; do
        storm "${arguments[@]}"
        check "${arguments[*]}" refused
done <<'END'
--no-such-option
--case
--case nothing
--case map,
--case all,map
--format x87
--pages 0
--pages 513
--pages 1x
--pages -512
--rounds 0
--rounds 1001
--rounds 18446744073709551616
--threads 65
--tables-mib 0
--csv - --json -
--unit
left-over
END

fails()
{
        ended_with 1 && says_why
}

storm --quick --case sample --quiet --json /no-such-directory/file
check "a file that cannot be written" fails

# Each point once, with a sensible figure, and held against what it should be.
sensible()
{
        python3 - "$1" "$2" <<'END'
import csv
import json
import sys

with open(sys.argv[1], encoding='utf-8') as source:
    report = json.load(source)
with open(sys.argv[2], encoding='utf-8') as source:
    rows = list(csv.DictReader(source))
points = {point['name']: point for point in report['points']}
bad = []
if len(points) != len(report['points']):
    bad.append('two points have one name')
if [row['name'] for row in rows] != [point['name'] for point in report['points']]:
    bad.append('CSV and JSON have different points')
cases = {point['case'] for point in report['points']}
if cases != {'map', 'unmap', 'length', 'threads', 'walk', 'protect', 'sample', 'process',
             'domain', 'fault', 'idle'}:
    bad.append('cases: %s' % sorted(cases))
if report['measured'] != 'nanoseconds':
    bad.append('measured: %s' % report['measured'])
# what this machine has not is named, with why, and nowhere else
for name, why in report['missing'].items():
    if not why or name in points:
        bad.append('missing: %s: %s' % (name, why))
for name in ('trigger', 'loop by 1', 'loop by 64', 'engine, iommufd', 'engine, vtd',
             'idle eventfd, read', 'idle fault queue, read'):
    if name not in points and name not in report['missing']:
        bad.append('%s is neither measured nor missing' % name)
for name, point in points.items():
    if not 0 < point['ns_min'] <= point['ns'] <= point['ns_max']:
        bad.append('%s: %s ns' % (name, point['ns']))
    if len(point['samples']) != report['rounds']:
        bad.append('%s: %d samples' % (name, len(point['samples'])))
    for other, ratio in point['ratio_to'].items():
        if other not in points or ratio <= 0:
            bad.append('%s: %s of %s' % (name, ratio, other))
for name, other in (('map 4K x86-first', 'touch'), ('unmap 4K x86-first', 'munmap'),
                    ('map 4K riscv', 'touch'), ('idle eventfd, poll', 'idle eventfd, read'),
                    ('check by 64 x86-first', 'walk x86-first'),
                    ('domain unmap by 256', 'domain unmap by 1')):
    if other not in points.get(name, {}).get('ratio_to', {}):
        bad.append('%s is not held against %s' % (name, other))
for line in bad:
    print('# ' + line)
sys.exit(len(bad) != 0)
END
}

storm --quick --format all --json "$scratch/report.json" --csv "$scratch/report.csv"
check "a short run" answered
check "its figures" sensible "$scratch/report.json" "$scratch/report.csv"

storm --quick --rounds 1 --case domain --unit smmuv3 --json "$scratch/report.json"
check "domains on another unit" grep -q '"unit": "smmuv3"' "$scratch/report.json"

storm --quick --rounds 1 --case fault --unit riscv
check "requests on another unit" grep -q '^engine, riscv .* a request' "$scratch/stdout"

# no processor has as many ticks as instructions
storm --quick --case sample --icount
check "instructions where none are counted" fails

storm --quick --rounds 1 --case walk --csv -
only_csv()
{
        ended_with 0 && [[ $(grep -c '^case,' "$scratch/stdout") == 1 ]] &&
                [[ $(grep -vc '^case,\|^walk,' "$scratch/stdout") == 0 ]]
}
check "CSV on stdout is all there is" only_csv
finish
