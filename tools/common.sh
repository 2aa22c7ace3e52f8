# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
# shellcheck shell=bash
#
# Sourced by the scripts of this folder. All talk goes to stderr.

say()
{
        printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

die()
{
        say "$*"
        exit 1
}

# What is wrong with the command line, or was asked about it: help is an answer, all else is not.
# The script has a function "usage" that prints the text.
explain()
{
        case ${1-} in
        -h | --help)
                usage
                exit 0
                ;;
        esac
        usage >&2
        exit 2
}

# Command that runs another one as root: nothing for root, sudo where it works. Fails where
# neither is so.
as_root()
{
        if [[ $(id -u) -eq 0 ]]; then
                "$@"
        elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
                sudo "$@"
        else
                return 1
        fi
}

may_be_root()
{
        as_root true 2>/dev/null
}
