/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_ROUNDTRIP_H
#define STORM_ROUNDTRIP_H

/*
 * Time for a word to travel from one core to the other and back, in nanoseconds: the median of
 * a few hundred rounds. It tells cores that share a cache from cores that do not, which on a
 * virtual machine may change while a program runs. Blocks for some 20 ms; 0: not measured.
 */
double
roundtrip_measure(unsigned int lcore_a, unsigned int lcore_b);

#endif /* STORM_ROUNDTRIP_H */
