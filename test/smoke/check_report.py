#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
"""Check a report of uiommu-storm.

Usage: check_report.py FILE [EXPECTATION...]

FILE holds one JSON object with the members that the report promises, each of its type. An
expectation is "member op number", with a dot for members of members. Prints "ok TEXT" or "not ok
TEXT" for each check; exit 1 where one is not ok.
"""

import json
import operator
import sys

COUNT = (int,)
NUMBER = (int, float)
TEXT = (str,)
NUMBER_OR_NULL = (int, float, type(None))

MEMBERS = {
    'requests': COUNT,
    'groups': COUNT,
    'responses': COUNT,
    'lost': COUNT,
    'duplicated': COUNT,
    'wrong': COUNT,
    'unexpected': COUNT,
    'requests_per_s': NUMBER,
    'ns_per_request': NUMBER,
    'bound_requests_per_s': NUMBER_OR_NULL,
    'engine_requests_per_s': NUMBER,
    'bound_ratio': NUMBER_OR_NULL,
    'bound_bytes': (list,),
    'latency_ns.p50': NUMBER,
    'latency_ns.p90': NUMBER,
    'latency_ns.p99': NUMBER,
    'latency_ns.p999': NUMBER,
    'latency_ns.max': NUMBER,
    'overflows': COUNT,
    'bad_requests': COUNT,
    'codes': (dict,),
    'churn.done': COUNT,
    'churn.replaced': COUNT,
    'reports.all': COUNT,
    'reports.lost': COUNT,
    'unit': TEXT,
    'source': TEXT,
    'seed': COUNT,
    'dpdk_version': TEXT,
}

# There, and null where the storm had nothing of the kind.
PARTS = ['stalls', 'deliver', 'sva', 'stuck', 'paging']

# Counters of the part "paging".
PAGING = ['requests', 'present', 'merged_same', 'merged_next', 'mapped_pages', 'around_pages',
          'hinted_pages', 'large_leaves', 'zeroed_pages', 'copied_pages', 'no_region', 'denied',
          'no_page', 'busy', 'no_table', 'no_frame', 'evicted_pages', 'written_pages',
          'spared_pages', 'invalidations', 'ranges', 'wide', 'resident_pages', 'budget_pages',
          'table_pages', 'table_bytes', 'verified']

STORE_FAULTS = ['again', 'strange', 'changed', 'broken', 'kept']

# What holds for every storm, whatever its arguments.
ALWAYS = [
    'requests > 0',
    'groups > 0',
    'responses > 0',
    'lost == 0',
    'duplicated == 0',
    'wrong == 0',
    'unexpected == 0',
    'requests_per_s > 0',
    'ns_per_request > 0',
    'latency_ns.p50 > 0',
]

OPERATORS = {
    '==': operator.eq,
    '!=': operator.ne,
    '>=': operator.ge,
    '<=': operator.le,
    '>': operator.gt,
    '<': operator.lt,
}


class Checks:
    def __init__(self):
        self.failed = 0

    def add(self, good, text):
        print('%s %s' % ('ok' if good else 'not ok', text))
        self.failed += not good


def find(report, member):
    value = report
    for word in member.split('.'):
        if not isinstance(value, dict) or word not in value:
            return None
        value = value[word]
    return value


def is_of(value, kinds):
    return isinstance(value, kinds) and not isinstance(value, bool)


def near(left, right):
    return abs(left - right) <= 0.01 * max(abs(left), abs(right))


def check_paging(checks, report):
    paging = report.get('paging')
    if paging is None:
        return
    missing = [member for member in PAGING if not is_of(find(paging, member), COUNT)]
    checks.add(not missing, 'paging: every counter is there' +
               (': not so for ' + ', '.join(missing) if missing else ''))
    if missing:
        return
    checks.add(report['verdict']['unmapped'] == 0 and report['verdict']['corrupt'] == 0,
               'no page was missing after Success, none had other contents')
    checks.add(paging['table_bytes'] == 4096 * paging['table_pages'] > 0,
               'tables are made of pages')
    checks.add(paging['around_pages'] + paging['hinted_pages'] <= paging['mapped_pages'],
               'pages around faults are among those that were mapped')
    checks.add(paging['remembered'] in (None, 0), 'nothing is remembered of what was unmapped')
    store = paging['store']
    if store is not None:
        checks.add(store['got'] == store['returned'], 'the store has all its pages back')
        checks.add(not any(store[name] for name in STORE_FAULTS), 'the store has no complaints')
    if paging['evict'] is not None:
        checks.add(paging['resident_pages'] <= paging['budget_pages'], 'the budget is kept')
        checks.add(paging['written_pages'] <= paging['evicted_pages'],
                   'pages that were written back are among those that were evicted')
    if paging['data'] is not None:
        window = report['config']['window_pages'] * 4096
        checks.add(paging['data']['checked_bytes'] >= window,
                   'all of the window was compared at the end')
        checks.add(paging['data']['device_bytes'] > 0, 'devices have compared what they read')
        checks.add(paging['data']['wrong'] == 0 and paging['data']['device_wrong'] == 0,
                   'every byte is what was written')


# Bytes of an entry and of its answer, by unit: page requests, stalled accesses.
ENTRIES = {
    'vtd': {'pri': {'in': 32, 'out': 32}},
    'smmuv3': {'pri': {'in': 16, 'out': 16}, 'stall': {'in': 32, 'out': 16}},
    'riscv': {'pri': {'in': 16, 'out': 16}},
}


def check_source(checks, report):
    source, stalls, reports = report['source'], report['stalls'], report['reports']
    sources = ['pri', 'stall'] if source == 'both' else [source]
    wanted = [ENTRIES[report['unit']][name] for name in sources]
    checks.add(report['bound_bytes'] == wanted, 'the bound is of entries of the unit')
    checks.add((stalls is None) == (source == 'pri'), 'stalls are reported where there are some')
    if stalls is not None:
        ends = sum(stalls[name] for name in ('retried', 'aborted', 'terminated', 'ended'))
        checks.add(0 < stalls['all'] == ends, 'each stall has come to one end')
    reasons = sum(value for name, value in reports.items()
                  if name not in ('all', 'lost', 'by_unit', 'lost_by_unit', 'overflows'))
    checks.add(reasons == reports['all'], 'reasons add up to the reports')


def check_parts(checks, report):
    deliver, sva = report.get('deliver'), report.get('sva')
    if deliver is not None:
        groups = sum(consumer['groups'] for consumer in deliver['consumers'])
        checks.add(groups == deliver['answered'], 'consumers add up to what was answered')
        checks.add(deliver['delivered'] == deliver['answered'] + deliver['revoked'],
                   'what was delivered was answered or revoked')
    if sva is not None:
        # where bonds go and come, some that look touched may have been answered RETRY
        checks.add(sva['touched'] - sva['missing'] <= sva['resident'] <= sva['window_pages'],
                   'pages that were touched and are not missing are resident')


def main():
    if len(sys.argv) < 2:
        print('Usage: check_report.py FILE [EXPECTATION...]', file=sys.stderr)
        return 2
    checks = Checks()
    with open(sys.argv[1], encoding='utf-8') as source:
        try:
            report = json.load(source)
        except ValueError as error:
            checks.add(False, 'the report is one JSON object: %s' % error)
            return 1
    checks.add(isinstance(report, dict), 'the report is one JSON object')
    wrong = [member for member, kinds in MEMBERS.items() if not is_of(find(report, member), kinds)]
    checks.add(not wrong, 'every member is there with its type' +
               (': not so for ' + ', '.join(wrong) if wrong else ''))
    if wrong:
        return 1
    checks.add(all(part in report and isinstance(report[part], (dict, type(None)))
                   for part in PARTS), 'every part is there, or null')
    for expectation in ALWAYS + sys.argv[2:]:
        member, op, number = expectation.split()
        value = find(report, member)
        good = is_of(value, NUMBER) and OPERATORS[op](value, float(number))
        checks.add(good, expectation if good else '%s (is %s)' % (expectation, value))
    engine = 1e9 / report['ns_per_request']
    checks.add(near(report['engine_requests_per_s'], engine),
               'engine_requests_per_s is 1e9 / ns_per_request')
    if report['bound_requests_per_s']:
        ratio = report['engine_requests_per_s'] / report['bound_requests_per_s']
        checks.add(near(report['bound_ratio'], ratio),
                   'bound_ratio is engine_requests_per_s / bound_requests_per_s')
    latency = report['latency_ns']
    order = [latency[name] for name in ('p50', 'p90', 'p99', 'p999', 'max')]
    checks.add(order == sorted(order), 'latencies rise with their percentile')
    checks.add(sum(report['codes'].values()) == report['responses'],
               'codes add up to the responses')
    check_source(checks, report)
    check_parts(checks, report)
    check_paging(checks, report)
    return 1 if checks.failed else 0


if __name__ == '__main__':
    sys.exit(main())
