# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
# shellcheck shell=bash
#
# Sourced by the smoke tests. UIOMMU_STORM is the program.

set -euo pipefail
: "${UIOMMU_STORM:?path of uiommu-storm}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cases=0
failures=0

skip()
{
        echo "$*" >&2
        exit 77
}

# result 0|1 NAME: one line of TAP. Where a case failed, what the program said follows.
result()
{
        cases=$((cases + 1))
        if (($1 == 0)); then
                echo "ok $cases - $2"
                return
        fi
        failures=$((failures + 1))
        echo "not ok $cases - $2"
        sed 's/^/# /' "$scratch/stderr" "$scratch/stdout" | tail -n 40
}

finish()
{
        echo "1..$cases"
        ((failures == 0)) || exit 1
}

# storm [arguments]: run the program, with a bound on its time; sets status.
status=0
storm()
{
        status=0
        timeout --kill-after=10 "${UIOMMU_STORM_TIMEOUT:-100}" "${storm_prefix[@]}" \
                "$UIOMMU_STORM" "$@" </dev/null >"$scratch/stdout" 2>"$scratch/stderr" || status=$?
}
storm_prefix=()

# The program ended by itself with one of the codes given, and not by a signal, a time-out or a
# sanitizer's report.
ended_with()
{
        local code

        for code in "$@"; do
                ((status != code)) || return 0
        done
        echo "# exit $status, wanted one of: $*"
        return 1
}

# The reason for an error is one line. What the program goes on without is not one.
says_why()
{
        local lines

        lines=$(grep "^${UIOMMU_STORM##*/}: " "$scratch/stderr" |
                grep -vc 'going on without' || true)
        ((lines == 1)) || {
                echo "# $lines lines of the program on stderr, wanted one"
                return 1
        }
}

# check NAME COMMAND...: a case by the exit code of a command
check()
{
        local name=$1

        shift
        if "$@"; then
                result 0 "$name"
        else
                result 1 "$name"
        fi
}

# Bad arguments, and nothing done.
refused()
{
        ended_with 2 && says_why && [[ ! -s $scratch/stdout ]]
}

# Questions that each program answers on stdout.
check_questions()
{
        local question

        for question in --help --list --version; do
                storm "$question"
                check "$question" answered
        done
}

answered()
{
        ended_with 0 && [[ -s $scratch/stdout ]]
}
