#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
#
# Bad arguments: one line that says why, and exit 2, or 1 where something named is not there.
# Questions are answered on stdout with exit 0.

. "$(dirname "$0")/common.sh"

check_questions

while read -r -a arguments; do
        storm "${arguments[@]}"
        check "${arguments[*]}" refused
done <<'END'
--no-such-option
--duration
--duration ten
--duration -1
--duration 10x
--rate 1e99x
--endpoints 0
--endpoints 4097
--pasids 0
--pasids 2000000000
--endpoints 4 --pasids 2
--domains 9 --pasids 8
--group-pages 0-4
--group-pages 8-1
--group-pages 1-
--group-pages 1-257
--profile sideways
--write-ratio 1.5
--bad-ratio -0.1
--bad-ratio nan
--queue-entries 1000
--queue-entries 1
--burst 0
--burst 513
--handler nobody
--judge nobody
--churn -5
--seed 0x
--cores 1,1
--preload --churn 10
--iommu vtd,platform=emu,no_such_key=1
--consumers 17 --handler deliver
--consumers 1
--consumers 0 --handler sva
--consumers 2 --stuck
--fault-queues 2
--fault-queues 0 --handler deliver
--fault-queues 3 --domains 2 --handler deliver
--depth 64
--depth 100 --handler deliver
--depth 65536 --fault-queues 2 --domains 2 --handler deliver
--sleep
--sleep --consumers 0 --handler deliver
--handler sva --pasids 2
--handler sva --domains 1
--handler sva --depth 64
--handler sva --sleep
--handler sva --judge light
--handler sva --preload
--handler sva --stuck
--handler sva --churn 10 --endpoints 1
--handler sva --churn 10 --churn-mode replace
--handler sva --endpoints 4096 --group-pages 1-256
--handler deliver --preload
--stage second
--warm
--data
--fault-around 4
--budget-pages 1024
--handler map --stage third
--handler map --backing nobody
--handler map --fault-around 3
--handler map --fault-around 1024
--handler map --fault-around 0
--handler map --consumers 1
--handler map --domains 9 --pasids 8
--handler map --stuck
--handler map --judge light
--handler map --preload
--handler map --large --backing file
--handler map --compare-around
--handler map --compare-around --fault-around 1
--handler map --compare-around --fault-around 16 --data
--handler map --compare-around --fault-around 16 --churn 10
--handler map --compare-around --fault-around 16 --warm
--handler map --access --group-pages 1-4
--handler map --access --overflow
--handler map --access --warm
--handler map --data --backing file
--handler map --data --churn 10 --churn-mode replace
--handler map --budget-pages 0
--handler map --budget-pages 63 --domains 1
--handler map --budget-pages 128 --domains 4
--handler map --budget-pages 128 --domains 1 --fault-around 128
--handler map --budget-pages 4096 --backing memory
--handler map --budget-pages 4096 --warm
--handler map --budget-pages 4096 --window-pages 1G
--handler map --window-pages 1G
--handler map --backing anon --window-pages 1M
--source
--source sideways
--source stall
--source both
--source both --endpoints 1
--source stall --unit smmuv3 --overflow
--handler map --stage second --unit smmuv3
--source stall --unit smmuv3 --group-pages 1-4
--source stall --unit smmuv3 --storm-limit 0
--source stall --iommu smmuv3,platform=emu --storm-limit 100
--storm-limit 100
--source stall --unit riscv
--handler map --stage second --unit riscv
--stuck --endpoints 1
--stuck --churn 10
--stuck --overflow
--stuck --preload
--churn-mode detach
--churn 10 --churn-mode sideways
--churn 10 --churn-mode detach,
--churn 10 --churn-mode
left-over
END

storm --list
check "--list names the sources" grep -q "^sources: pri stall both$" "$scratch/stdout"
check "--list names the handlers" grep -q "^handlers: null count deliver sva map$" "$scratch/stdout"

# What cannot be found is no wrong usage.
not_there()
{
        ended_with 1 && says_why && [[ ! -s $scratch/stdout ]]
}

while read -r -a arguments; do
        storm "${arguments[@]}"
        check "${arguments[*]}" not_there
done <<'END'
--unit no-such-driver
--iommu vtd,platform=nowhere
END
finish
