#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Set up, build release, run a storm. stdout is the program's alone.

set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."
. tools/common.sh

if [[ ${1:-} == --setup-help ]]; then
        cat <<'END'
Usage: tools/storm.sh [EAL arguments --] [storm arguments]

Installs what is missing, reserves hugepages, builds in build/ and runs
build/app/storm/uiommu-storm --duration 10 with the arguments given. --help shows the
program's own help.
END
        exit 0
fi

tools/setup.sh run

build=build
release=(--buildtype=release -Dtests=disabled -Dfuzz=disabled)
if [[ ! -f $build/build.ninja ]]; then
        say "configuring $build/ (release)"
        meson setup "$build" "${release[@]}" >&2
elif ! meson introspect --buildoptions "$build" | python3 -c '
import json, sys
options = {option["name"]: option["value"] for option in json.load(sys.stdin)}
sys.exit(options["buildtype"] != "release" or options["b_sanitize"] != "none")'; then
        say "making $build/ a release build"
        meson configure "$build" "${release[@]}" -Db_sanitize=none >&2
fi
say "building"
ninja -C "$build" app/storm/uiommu-storm >&2

# Arguments before "--" are for the EAL; the default duration goes to the storm's own part.
arguments=("$@")
default=(--duration 10)
own_from=0
for i in "${!arguments[@]}"; do
        case ${arguments[i]} in
        --)
                own_from=$((i + 1))
                ;;
        --duration | --duration=* | --help | -h | --list | --version)
                default=()
                ;;
        esac
done
program=$PWD/$build/app/storm/uiommu-storm
cd "$here"
exec "$program" "${arguments[@]:0:own_from}" "${default[@]}" "${arguments[@]:own_from}"
