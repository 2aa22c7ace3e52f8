/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Requests on the kernel's fault queue, read, handled and answered by a plain loop. */

#include <errno.h>
#include <unistd.h>

#include "case_fault.h"
#include "handle.h"
#include "mock.h"
#include "record.h"

static int
loop_open(struct bench *b, struct fault_sums *sums, struct bench_unit *u, int *fd)
{
	(void)sums;
	return mock_open_plain(b, u, fd);
}

/* One read, the requests of it handled, one write. How many; or -errno. */
static inline int
serve_burst(int fd, uint32_t burst, struct fault_sums *sums, bool parts)
{
	struct record_fault faults[FAULT_BURST];
	struct record_resp resps[FAULT_BURST];
	uint64_t start, read_done, handled;
	ssize_t got, put;
	int i, nb;

	start = parts ? bench_now() : 0;
	got = read(fd, faults, burst * sizeof(faults[0]));
	if (got <= 0)
		return got < 0 ? -errno : 0;
	read_done = parts ? bench_now() : 0;
	nb = (int)((size_t)got / sizeof(faults[0]));
	for (i = 0; i < nb; i++) {
		resps[i].cookie = faults[i].cookie;
		resps[i].code = handle_request(faults[i].addr,
					       (faults[i].perm & RECORD_WRITE) != 0);
		sums->refused += resps[i].code;
	}
	handled = parts ? bench_now() : 0;
	put = write(fd, resps, (size_t)nb * sizeof(resps[0]));
	if (parts) {
		sums->cost[FAULT_READ] += read_done - start;
		sums->cost[FAULT_HANDLE] += handled - read_done;
		sums->cost[FAULT_WRITE] += bench_now() - handled;
	}
	if (put != (ssize_t)((size_t)nb * sizeof(resps[0])))
		return put < 0 ? -errno : -EIO;
	return nb;
}

static int
loop_serve(const struct bench_unit *u, int fd, uint32_t nb, uint32_t burst,
	   struct fault_sums *sums)
{
	const bool parts = sums->parts;
	int done = 1;

	(void)u;
	while (sums->served < nb && done > 0) {
		done = serve_burst(fd, burst, sums, parts);
		if (done > 0)
			sums->served += (uint32_t)done;
	}
	return done < 0 ? done : 0;
}

static int
loop_check(const struct bench_point *p, const struct bench_unit *u, int fd)
{
	struct record_fault none;

	(void)u;
	if (read(fd, &none, sizeof(none)) == 0)
		return 0;
	talk("%s: the queue is not empty in the end", p->name);
	return -EIO;
}

const struct fault_server fault_loop = {
	.open = loop_open,
	.serve = loop_serve,
	.check = loop_check,
};
