#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
"""Add up test results of any number of builds.

Usage: count_results.py FOLDER

FOLDER holds <build>.json files, which are Meson's testlog.json (one object a line, one for each
test program), and cases.tsv with one line "pass|fail|skip TAB name TAB reason" for each step
that is no Meson test. A program that prints TAP counts once for each of its cases, any other
one counts once. A program that died, timed out, exited with an error or left cases of its plan
out counts one failure even where all the cases it printed are fine.

Lists what failed and what was skipped with its reason, and ends with the line
"N passed, N failed, N skipped". Exit 0 only where something passed and nothing failed.
"""

import json
import os
import re
import sys

PLAN = re.compile(r'^1\.\.(\d+)(?:\s*#\s*(.*))?$')
CASE = re.compile(r'^(ok|not ok)\b\s*(\d+)?\s*-?\s*([^#]*)(?:#\s*(\w+)\S*\s*(.*))?$', re.IGNORECASE)


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add(self, verdict, name, reason=''):
        if verdict == 'pass':
            self.passed += 1
        elif verdict == 'skip':
            self.skipped.append((name, reason or 'no reason given'))
        else:
            self.failed.append((name, reason))


def last_line(text):
    lines = [line.strip() for line in (text or '').splitlines() if line.strip()]
    return lines[-1] if lines else ''


def tap_cases(stdout):
    """Planned number of cases (None: no TAP) and the cases as (verdict, name, reason)."""
    planned = None
    cases = []
    for line in (stdout or '').splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
            continue
        case = CASE.match(line)
        if not case:
            continue
        ok, _, name, directive, reason = case.groups()
        if directive and directive.lower() in ('skip', 'skipped'):
            verdict = 'skip'
        else:
            verdict = 'pass' if ok.lower() == 'ok' else 'fail'
        cases.append((verdict, name.strip(), (reason or '').strip()))
    return planned, cases


def add_program(tally, build, test):
    # "project:suite / name" or "project / name"
    name = '%s: %s' % (build, test['name'].split(' / ')[-1])
    result = test['result']
    reason = last_line(test.get('stderr')) or last_line(test.get('stdout'))
    planned, cases = tap_cases(test.get('stdout'))
    if result == 'SKIP' and test.get('returncode') == 77:
        tally.add('skip', name, reason)
        return
    if planned is None:
        if result in ('OK', 'EXPECTEDFAIL'):
            tally.add('pass', name)
        elif result == 'SKIP':
            tally.add('skip', name, reason)
        else:
            tally.add('fail', name, '%s: %s' % (result.lower(), reason))
        return
    for verdict, case, why in cases:
        tally.add(verdict, '%s: %s' % (name, case), why)
    case_failed = any(verdict == 'fail' for verdict, _, _ in cases)
    if len(cases) != planned:
        tally.add('fail', name, '%d of %d cases ran (%s)' % (len(cases), planned, result.lower()))
    elif result not in ('OK', 'SKIP', 'EXPECTEDFAIL') and not case_failed:
        tally.add('fail', name, '%s: %s' % (result.lower(), reason))


def main():
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        print(__doc__.strip().splitlines()[2], file=sys.stderr)
        return 2
    folder = sys.argv[1]
    tally = Tally()
    for entry in sorted(os.listdir(folder)):
        path = os.path.join(folder, entry)
        with open(path, encoding='utf-8', errors='replace') as lines:
            if entry.endswith('.json'):
                for line in lines:
                    add_program(tally, entry[:-len('.json')], json.loads(line))
            elif entry == 'cases.tsv':
                for line in lines:
                    verdict, name, reason = (line.rstrip('\n').split('\t') + ['', ''])[:3]
                    tally.add(verdict, name, reason)
    for name, reason in tally.skipped:
        print('skipped: %s (%s)' % (name, reason))
    for name, reason in tally.failed:
        print('failed: %s%s' % (name, ' (%s)' % reason if reason else ''))
    print('%d passed, %d failed, %d skipped' %
          (tally.passed, len(tally.failed), len(tally.skipped)))
    return 0 if tally.passed > 0 and not tally.failed else 1


if __name__ == '__main__':
    sys.exit(main())
