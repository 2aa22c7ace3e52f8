#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# no_system_calls.sh [storm arguments]: the fault lcore makes no system call while the storm lasts:
# strace sees none of its thread for at least that long.

. "$(dirname "$0")/common.sh"

seconds=3
command -v strace >/dev/null || skip "strace is not installed"
strace -f -o /dev/null true 2>/dev/null || skip "strace may not trace here"

# One file for each thread, named by its id, with times.
storm_prefix=(strace -ff -ttt -o "$scratch/trace")
storm --duration "$seconds" --no-bound --json "$scratch/report.json" "$@"
((status == 0)) || {
        tail -n 40 "$scratch/stderr" >&2
        echo "exit $status" >&2
        exit 1
}

# A worker of the EAL looks for the NUMA node of its CPU when it begins; the report says which CPU
# is the fault lcore's.
python3 - "$seconds" "$scratch/report.json" "$scratch"/trace.* <<'END'
import json
import re
import sys

NODE_OF_CPU = re.compile(r'access\("/sys/devices/system/node/node\d+/cpu(\d+)"')

seconds = float(sys.argv[1])
with open(sys.argv[2], encoding='utf-8') as source:
    core = json.load(source)['fault_lcore']['core']
found = []
for path in sys.argv[3:]:
    with open(path, encoding='utf-8', errors='replace') as source:
        lines = source.readlines()
    # The main thread looks for all of them, the interrupt thread for those that it may use.
    looked_for = {int(cpu) for line in lines for cpu in NODE_OF_CPU.findall(line)}
    if looked_for != {core}:
        continue
    times = [float(line.split()[0]) for line in lines]
    found.append(max((b - a for a, b in zip(times, times[1:])), default=0))
if len(found) != 1:
    sys.exit('%d threads look like the fault lcore on core %d' % (len(found), core))
print('no system call of the fault lcore for %.3f s, the storm lasted %.3f s' % (found[0], seconds))
sys.exit(found[0] < seconds)
END
