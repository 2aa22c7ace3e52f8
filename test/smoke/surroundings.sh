#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# A machine that lacks something: the storm runs without it or says in one line why it does not. It
# never crashes or hangs.

. "$(dirname "$0")/common.sh"

runs_or_says_why()
{
        ended_with 0 1 2 || return 1
        ((status == 0)) || says_why
}

# A case that cannot be tried here.
not_tried()
{
        cases=$((cases + 1))
        echo "ok $cases - $1 # SKIP $2"
}

name="no hugetlbfs mounted"
# shellcheck disable=SC2016
without_hugepages='
        awk "\$3 == \"hugetlbfs\" { print \$2 }" /proc/mounts | while read -r where; do
                umount "$where" || exit 1
        done
        exec "$@"'
if unshare --mount true 2>/dev/null; then
        storm_prefix=(unshare --mount sh -c "$without_hugepages" sh)
        storm --duration 1
        check "$name" runs_or_says_why
else
        not_tried "$name" "mount namespaces are not allowed here"
fi

first_core=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
storm_prefix=(taskset -c "$first_core")
storm --duration 1
check "one core only" runs_or_says_why

storm_prefix=()
storm -l 100000 -- --duration 1
check "a core that is not there" ended_with 1 2

storm --cores 0,8191 --duration 1
check "a CPU that is not there" ended_with 1 2
check "a CPU that is not there: says why" says_why

storm --duration 1 --json /nowhere/report.json
check "a report that cannot be written" ended_with 1 2
check "a report that cannot be written: says why" \
        grep -q "^uiommu-storm: cannot write /nowhere/report.json: " "$scratch/stderr"

# Nothing may be locked: pages come all the same.
name="memory that may not be locked"
storm_prefix=(prlimit --memlock=4096:4096 setpriv --inh-caps=-ipc_lock --bounding-set=-ipc_lock)
if "${storm_prefix[@]}" true 2>/dev/null; then
        storm --handler sva --duration 1 --json "$scratch/report.json"
        check "$name" ended_with 0
        check "$name: says so" grep -q 'going on without locking' "$scratch/stderr"
        check "$name: says so in the report" grep -q '"locks": false' "$scratch/report.json"
else
        not_tried "$name" "limits or capabilities cannot be changed here"
fi
storm_prefix=()

# Somebody else on the core: refused where that was asked for.
busy_core()
{
        local cores

        cores=$(taskset -cp $$ | sed 's/.*: //')
        [[ $cores == *[-,]* ]] || return 1
        taskset -c "$first_core" timeout 60 sh -c 'while :; do :; done' &
        busy=$!
}
name="a busy core with --exclusive"
if busy_core; then
        last_core=$(taskset -cp $$ | sed 's/.*[-,]//')
        storm --exclusive --cores "$first_core,$last_core" --duration 1
        kill "$busy"
        check "$name" ended_with 1
        check "$name: says why" says_why
else
        not_tried "$name" "there is one core only"
fi
finish
