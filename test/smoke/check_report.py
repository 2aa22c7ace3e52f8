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
    'bound_requests_per_s': NUMBER,
    'engine_requests_per_s': NUMBER,
    'bound_ratio': NUMBER,
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
    'unit': TEXT,
    'seed': COUNT,
    'dpdk_version': TEXT,
}

# There, and null where the storm had nothing of the kind.
PARTS = ['deliver', 'sva', 'stuck']

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


def check_parts(checks, report):
    deliver, sva = report.get('deliver'), report.get('sva')
    if deliver is not None:
        groups = sum(consumer['groups'] for consumer in deliver['consumers'])
        checks.add(groups == deliver['answered'], 'consumers add up to what was answered')
        checks.add(deliver['delivered'] == deliver['answered'] + deliver['revoked'],
                   'what was delivered was answered or revoked')
    if sva is not None:
        checks.add(sva['touched'] <= sva['resident'] <= sva['window_pages'],
                   'pages that were touched are resident')


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
    if report['bound_requests_per_s'] > 0:
        ratio = report['engine_requests_per_s'] / report['bound_requests_per_s']
        checks.add(near(report['bound_ratio'], ratio),
                   'bound_ratio is engine_requests_per_s / bound_requests_per_s')
    latency = report['latency_ns']
    order = [latency[name] for name in ('p50', 'p90', 'p99', 'p999', 'max')]
    checks.add(order == sorted(order), 'latencies rise with their percentile')
    checks.add(sum(report['codes'].values()) == report['responses'],
               'codes add up to the responses')
    check_parts(checks, report)
    return 1 if checks.failed else 0


if __name__ == '__main__':
    sys.exit(main())
