#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Check the models: each holds, and fails with any of its barriers left out. Output is TAP.
#
#   run.sh [model...]          names without .pml; default: all
#   run.sh --trail MODEL [-DOMIT_...]   what happens, step by step, up to the failure

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Memory and depth are bounds, not wishes: where one is met, the model does not pass.
memory_mb=1024
depth=100000

# check FOLDER MODEL [-DOMIT_x]: exit 0 holds, 1 fails, 2 something else; figures in FOLDER/pan.out
check()
{
        local folder=$1 model=$2

        shift 2
        mkdir -p "$folder"
        cd "$folder"
        cc -E -x c "$@" "-I$here" "$here/$model.pml" >"$model.i" 2>cc.out || return 2
        spin -a "$model.i" >spin.out 2>&1 || return 2
        cc -O1 -w -DSAFETY -DNOFAIR "-DMEMLIM=$memory_mb" -o pan pan.c >>cc.out 2>&1 || return 2
        ./pan "-m$depth" -n >pan.out 2>&1 || true
        if grep -qE 'max search depth too small|out of memory|truncated|error: ' pan.out; then
                return 2
        fi
        if grep -q 'errors: 0' pan.out; then
                return 0
        fi
        grep -qE 'errors: [1-9]' pan.out || return 2
        return 1
}

# One line of result, without number.
verdict()
{
        local model=$1 omit=$2 folder=$work/$1.$2 status=0 name states begin=$EPOCHREALTIME
        local args=() wanted=0 seconds

        name="$model: holds"
        if [[ $omit != none ]]; then
                args=("-DOMIT_$omit")
                wanted=1
                name="$model: fails without $omit"
        fi
        (check "$folder" "$model" "${args[@]}") || status=$?
        states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$folder/pan.out" 2>/dev/null ||
                true)
        seconds=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
        if ((status == wanted)); then
                echo "ok - $name ($states states, $seconds s)"
        else
                echo "not ok - $name ($states states, $seconds s)"
                tail -n 20 "$folder"/*.out >&2 || true
        fi
}

omissions()
{
        grep -o 'OMIT_[A-Z0-9_]*' "$here/$1.pml" | sed 's/^OMIT_//' | sort -u
}

if ! command -v spin >/dev/null; then
        echo '1..0 # SKIP spin is not installed'
        exit 0
fi

if [[ ${1-} == --trail ]]; then
        model=$2
        shift 2
        (check "$work/trail" "$model" "$@") || true
        cat "$work/trail/pan.out"
        cd "$work/trail"
        if [[ -e $model.i.trail ]]; then
                spin -t -p -g -l "$model.i"
        fi
        exit 0
fi

models=("$@")
if ((${#models[@]} == 0)); then
        for file in "$here"/*.pml; do
                models+=("$(basename "$file" .pml)")
        done
fi
jobs=()
for model in "${models[@]}"; do
        jobs+=("$model none")
        for omit in $(omissions "$model"); do
                jobs+=("$model $omit")
        done
done

# As many at a time as there are processors; results in order.
number=0
for job in "${jobs[@]}"; do
        read -r model omit <<<"$job"
        while (($(jobs -rp | wc -l) >= $(nproc))); do
                wait -n
        done
        verdict "$model" "$omit" >"$work/result.$number" 2>"$work/talk.$number" &
        number=$((number + 1))
done
wait
echo "1..$number"
failed=0
for ((i = 0; i < number; i++)); do
        line=$(<"$work/result.$i")
        cat "$work/talk.$i" >&2
        if [[ $line != ok* ]]; then
                failed=1
        fi
        echo "${line/ - / $((i + 1)) - }"
done
exit $failed
