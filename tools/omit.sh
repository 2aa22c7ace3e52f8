#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Leave out one invalidation of a driver at a time, and see a test fail.

set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

usage()
{
        cat <<'END'
Usage: tools/omit.sh [--build DIR] [--json FILE] [--results FILE] [SITE...]

For each site of drivers/<driver>/<driver>_omit.h, or those that are named (vtd_bond_clear_iotlb,
say; vtd, smmuv3 or riscv: all of one driver): build the driver without it and run what should see
that. First the conformance cases about invalidation, where the emulated unit goes on using what it
was not told to forget; then the unit test of the words that the driver writes. Prints a line for
each site with the first case of either kind that fails.

  --build DIR  build directory (default: build-test/omit)
  --json FILE  the same as a list of objects
  --results FILE
               a line for each site is added, as tools/count_results.py reads them
  --list       names of the sites
  --help       this text

Exit: 0 where for each site a case fails; 1 where for one none does, or where a case fails with
nothing left out; 2 usage.
END
}

drivers=(vtd smmuv3 riscv)
build='build-test/omit'
json=
results=
sites=()

all_sites()
{
        local driver

        for driver in "${@:-${drivers[@]}}"; do
                sed -n "s/^\t\(${driver^^}\)_SITE_\([A-Z_]*\),.*/\1_\2/p" \
                        "drivers/$driver/${driver}_omit.h" | tr '[:upper:]' '[:lower:]'
        done
}

# the word after an option
word()
{
        if (($# < 2)) || [[ -z $2 ]]; then
                echo "$1 wants a name" >&2
                exit 2
        fi
        echo "$2"
}

while (($# > 0)); do
        case $1 in
        --build)
                build=$(word "$@")
                shift
                ;;
        --json)
                json=$(word "$@")
                shift
                ;;
        --results)
                results=$(word "$@")
                shift
                ;;
        --list)
                all_sites
                exit 0
                ;;
        --help | -h)
                usage
                exit 0
                ;;
        -*)
                echo "unknown option $1, see --help" >&2
                exit 2
                ;;
        *)
                if [[ " ${drivers[*]} " == *" $1 "* ]]; then
                        mapfile -t -O "${#sites[@]}" sites < <(all_sites "$1")
                elif all_sites | grep -x -- "$1" >/dev/null; then
                        sites+=("$1")
                else
                        echo "no site '$1', see --list" >&2
                        exit 2
                fi
                ;;
        esac
        shift
done
if ((${#sites[@]} == 0)); then
        mapfile -t sites < <(all_sites)
fi
((${#sites[@]} > 0)) || die 'the drivers have no sites'

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
log=$scratch/log

# The unit test in which the words of a site are looked at
unit_of()
{
        case $1 in
        vtd_root_*) echo test_vtd_root ;;
        vtd_invalidate_fence) echo test_vtd_inval_row ;;
        vtd_invalidate_*) echo test_vtd_inval ;;
        vtd_*) echo test_vtd_cmd ;;
        *_root_*) echo "test_${1%%_*}_ctrl" ;;
        *_invalidate_*) echo "test_${1%%_*}_inval" ;;
        *) echo "test_${1%%_*}_cmd" ;;
        esac
}

quietly()
{
        "$@" >"$log" 2>&1 </dev/null && return
        cat "$log" >&2
        die "failed: $*"
}

# failures_of FILE PROGRAM [ARGUMENT...]: names of the cases that fail into FILE
failures_of()
{
        local file=$1 status=0

        shift
        CMOCKA_MESSAGE_OUTPUT=TAP timeout 120 "$@" >"$file.log" 2>"$file.err" </dev/null ||
                status=$?
        sed -n 's/^not ok [0-9]* - //p' "$file.log" | sed 's/ # .*//' >"$file"
        # one that ends early has not failed by any case's name
        if ((status != 0)) && [[ ! -s $file ]]; then
                echo "(exit $status)" >"$file"
        fi
}

# The first failure that is there only because of what was left out
first_new()
{
        grep -vxF -f "$scratch/$2.without" "$scratch/$1" | head -n 1 || true
}

# conformance FILE DRIVER: cases on the units of a driver, all at once
conformance()
{
        local file=$1 program=$build/test/conformance/conformance unit names

        # it tells them to those who ask wrongly
        mapfile -t names < <("$program" --units 2>&1 | tr ' ' '\n' | grep "^$2/")
        ((${#names[@]} > 0)) || die "the conformance tests have no unit of $2"
        for unit in "${names[@]}"; do
                failures_of "$file.${unit//\//_}" "$program" --unit "$unit" inval &
        done
        wait
        for unit in "${names[@]}"; do
                cat "$file.${unit//\//_}"
        done >"$file"
}

units=(test_vtd_cmd test_vtd_inval test_vtd_inval_row test_vtd_root
        test_smmuv3_cmd test_smmuv3_ctrl test_smmuv3_inval
        test_riscv_cmd test_riscv_ctrl test_riscv_inval)
if [[ ! -f $build/build.ninja ]]; then
        quietly meson setup "$build" -Dtests=enabled -Dfuzz=disabled -Domit=none
fi
quietly meson configure "$build" -Domit=none
quietly ninja -C "$build" "${units[@]/#/test/unit/}" test/conformance/conformance

# of all drivers: what was left out of one before is to be in it again
libraries()
{
        local driver

        for driver in "${drivers[@]}"; do
                (cd "$build" && ls drivers/"$driver"/libuiommu_"$driver".so.*.*.*[0-9])
        done
}
mapfile -t built < <(libraries)

# record RESULT SITE REASON
record()
{
        [[ -z $results ]] || printf '%s\tomit: %s\t%s\n' "$1" "$2" "$3" >>"$results"
}

wrong=0
for driver in "${drivers[@]}"; do
        conformance "$scratch/$driver.without" "$driver"
done
for unit in "${units[@]}"; do
        failures_of "$scratch/$unit.without" "$build/test/unit/$unit"
done
for file in "$scratch"/*.without; do
        while read -r name; do
                echo "fails with nothing left out: $name"
                record fail none "$name"
                wrong=1
        done <"$file"
done

json_text()
{
        [[ -n $1 ]] && printf '"%s"' "${1//\"/\\\"}" || printf null
}

separator='['
put_json()
{
        [[ -n $json ]] || return 0
        {
                printf '%s\n  {"site": "%s", ' "$separator" "$1"
                printf '"conformance": %s, "unit": %s}' "$(json_text "$2")" "$(json_text "$3")"
        } >>"$json"
        separator=,
}

if [[ -n $json ]]; then
        : >"$json"
fi
printf '%-32s %-60s %s\n' 'left out' 'conformance' 'unit test'
unseen=0
by_model=0
for site in "${sites[@]}"; do
        unit=$(unit_of "$site")
        quietly meson configure "$build" -Domit="$site"
        quietly ninja -C "$build" "${built[@]}" "test/unit/$unit"
        conformance "$scratch/conformance" "${site%%_*}"
        failures_of "$scratch/unit" "$build/test/unit/$unit"
        model=$(first_new conformance "${site%%_*}")
        words=$(first_new unit "$unit")
        printf '%-32s %-60s %s\n' "$site" "${model:--}" "${words:+$unit: }${words:--}"
        put_json "$site" "$model" "${words:+$unit: }$words"
        [[ -z $model ]] || ((++by_model))
        if [[ -n $model$words ]]; then
                record pass "$site" "${model:-$words}"
        else
                record fail "$site" "no case fails without it"
                ((++unseen))
        fi
done
if [[ -n $json ]]; then
        printf '\n]\n' >>"$json"
fi
quietly meson configure "$build" -Domit=none

echo "${#sites[@]} sites: $by_model seen by what the unit does, $unseen by nothing"
((unseen == 0 && wrong == 0))
