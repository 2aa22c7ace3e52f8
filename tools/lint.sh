#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Everything that looks at the source without running it.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

failed=0
for check in devtools/check-*; do
        status=0
        "$check" || status=$?
        ((status == 0 || status == 77)) || failed=1
done
if command -v shellcheck >/dev/null; then
        readarray -t scripts < <(find . -path './build*' -prune -o -name .git -prune -o \
                -type f -name '*.sh' -print; echo .ci/run)
        shellcheck -x -P SCRIPTDIR "${scripts[@]}" || failed=1
else
        say "shellcheck is not installed; the scripts were not looked at"
fi
exit $failed
