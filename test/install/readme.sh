#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# readme.sh SOURCE: the C code that README shows is the example's, line by line.

set -euo pipefail
source=$1
# shellcheck disable=SC2016
shown=$(sed -n '/^```c$/,/^```$/{/^```/d;p}' "$source/README.md")
example=$(sed -n '/\[README: [a-z]*\]/,/\[README: end\]/{/\[README: /d;p}' \
        "$source/examples/count-faults/main.c")
[[ -n $shown ]] || {
        echo "README.md shows no C code" >&2
        exit 1
}
diff -B <(echo "$example") <(echo "$shown")
