/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef FUZZ_REQUEST_H
#define FUZZ_REQUEST_H

#include <stdint.h>

/*
 * Input, which make_corpus.py writes too: a head of 32 bytes, then entries as a unit writes them
 * (VT-d: 32 bytes, others: 16). What is left at the end is ignored.
 *
 *   head byte 0   parked_max, 0 means 256
 *   head byte 1   group_max, taken into range
 *   head byte 2   VT-d, RISC-V: highest bit of an address, taken from {38, 47, 56}
 *   head byte 3   SMMUv3, RISC-V, bit 0: what follows are events or fault records, of 32 bytes
 *   head 8 to 15  seed of the hash
 *
 * Three values of the first byte (VT-d: types that no unit has; SMMUv3: of the StreamID; RISC-V:
 * reserved bits) are orders to the harness: 0xfe discards everything, 0xfd purges the PASID in the
 * entry (without PASID present: requests without PASID) at its endpoint, 0xfc purges all PASIDs
 * there whose lowest two bits are those of the one in the entry.
 */
#define FUZZ_REQUEST_HEAD 32
#define FUZZ_TYPE_DISCARD 0xfe
#define FUZZ_TYPE_PURGE 0xfd
#define FUZZ_TYPE_SIFT 0xfc

/* Endpoints that were "added": requester ids 0 to 3. */
#define FUZZ_ENDPOINTS 4

#define FUZZ_KINDS 6
#define FUZZ_RESULTS 4

/* What has happened so far, over all inputs. */
struct fuzz_request_counts {
	uint64_t kinds[FUZZ_KINDS];     /* by enum vtd_prq_kind and its like */
	uint64_t results[FUZZ_RESULTS]; /* by enum uiommu_prg_result */
	uint64_t unknown_endpoint;
	uint64_t thrown;   /* parked requests thrown away with a lost group */
	uint64_t discards; /* that threw something away */
	uint64_t purges;   /* likewise */
	uint64_t sifts;    /* likewise */
	uint64_t longest;  /* requests of the largest group */
	uint64_t answers;  /* that were encoded and checked */
};

extern struct fuzz_request_counts fuzz_request_counts;

#endif /* FUZZ_REQUEST_H */
