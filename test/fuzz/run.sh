#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Fuzz for a while, from a copy of the seed corpus. One line at the end; exit 1 where an input
# was found that breaks a rule, which is kept and named; exit 77 where the target is not built.
#
#   run.sh BINARY CORPUS SECONDS

set -u

if [ $# -ne 3 ] || [ ! -d "$2" ]; then
        echo "usage: run.sh BINARY CORPUS SECONDS" >&2
        exit 2
fi
if [ ! -x "$1" ]; then
        echo "$1: not built, which needs clang with libFuzzer"
        exit 77
fi
binary=$1
corpus=$2
seconds=$3
name=$(basename "$binary")

dir=$(mktemp -d "${TMPDIR:-/tmp}/$name.XXXXXX") || exit 2
mkdir "$dir/corpus" && cp "$corpus"/* "$dir/corpus/" || exit 2
seeds=$(find "$dir/corpus" -type f | wc -l)

"$binary" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$dir/" "$dir/corpus" >"$dir/log" 2>&1
rc=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/log")

if [ $rc -ne 0 ] || [ -z "$runs" ]; then
        sed -n '/broken:\|ERROR:\|SUMMARY:\|runtime error:/p' "$dir/log" >&2
        echo "$name: FAILED after ${runs:-0} runs, input and log in $dir"
        exit 1
fi
if [ "$runs" -le "$seeds" ]; then
        echo "$name: FAILED: nothing but the $seeds seeds was run, log in $dir"
        exit 1
fi
grown=$(find "$dir/corpus" -type f | wc -l)
echo "$name: ok, $runs runs in $seconds s; $seeds seeds grew to $grown inputs"
rm -rf "$dir"
