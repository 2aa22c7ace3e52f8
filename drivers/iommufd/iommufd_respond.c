/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Data path: answers out. Linux, drivers/iommu/iommufd/fault.c (eventq.c since 6.15).
 *
 * The kernel takes answers in order and stops at one whose cookie it does not know.
 */

#include <errno.h>

#include "iommufd_msg.h"
#include "iommufd_pvt.h"

/** Times that an answer is offered again, if the kernel says that it could not be taken now. */
#define WRITE_RETRIES 64

/* Nothing of it was taken. @return answers to leave out, or 0: write again */
static __rte_noinline __rte_cold uint32_t
write_error(struct iommufd_queue *queue, int error, uint32_t nb, uint32_t *tries)
{
	if (error == -EINVAL) {
		uiommu_count(&queue->stats.refused_answers, 1);
		return 1;
	}
	if ((error == -EAGAIN || error == -EINTR) && ++*tries <= WRITE_RETRIES) {
		uiommu_count(&queue->stats.write_retries, 1);
		return 0;
	}
	iommufd_queue_fail(queue, error, "cannot be written");
	uiommu_count(&queue->stats.lost_answers, nb);
	return nb;
}

/*
 * The write has stopped at an answer, which is refused: its group was answered by the kernel
 * meanwhile, at a detach. Whatever is behind it is written all the same.
 */
static __rte_noinline __rte_cold void
write_rest(struct iommufd_queue *queue, const struct iommufd_resp *resps, uint32_t nb, ssize_t done)
{
	uint32_t tries = 0, n;

	while (nb != 0) {
		if (done >= 0 && (size_t)done >= sizeof(*resps)) {
			n = RTE_MIN((uint32_t)((size_t)done / sizeof(*resps)), nb);
			tries = 0;
			if (n < nb) {
				uiommu_count(&queue->stats.short_writes, 1);
				uiommu_count(&queue->stats.refused_answers, 1);
				n++;
			}
		} else {
			n = write_error(queue, done < 0 ? (int)done : -EIO, nb, &tries);
		}
		resps += n;
		nb -= n;
		if (nb == 0)
			break;
		done = queue->files->write(queue->plat, queue->fd, resps, nb * sizeof(*resps));
		uiommu_count(&queue->stats.writes, 1);
	}
}

static void
write_all(struct iommufd_queue *queue, uint32_t nb)
{
	const struct iommufd_resp *resps = queue->resps;
	ssize_t done;

	if (unlikely(queue->failed != 0)) {
		uiommu_count(&queue->stats.lost_answers, nb);
		return;
	}
	done = queue->files->write(queue->plat, queue->fd, resps, nb * sizeof(*resps));
	uiommu_count(&queue->stats.writes, 1);
	if (unlikely(done != (ssize_t)(nb * sizeof(*resps))))
		write_rest(queue, resps, nb, done);
}

/*
 * An answer that is not as most are.
 *
 * @param free where the number of the next slot that is free is put
 * @return whether it is to be written
 */
static __rte_noinline __rte_cold bool
answer_make(struct iommufd_queue *queue, const struct uiommu_resp *resp, const uint16_t *free,
	    uint32_t *cookie)
{
	queue->slots.nb_free = (uint32_t)(free - queue->slots.table->free);
	switch (iommufd_slots_give(&queue->slots, resp->tag, cookie)) {
	case IOMMUFD_SLOT_WRITE:
		return true;
	case IOMMUFD_SLOT_DROP:
		uiommu_count(&queue->stats.dead_answers, 1);
		break;
	case IOMMUFD_SLOT_WRONG:
		uiommu_count(&queue->stats.wrong_answers, 1);
		break;
	}
	return false;
}

/*
 * Answers to those that have none yet; apart, as take_plain() is. How many.
 */
static __rte_noinline uint32_t
answers_make(struct iommufd_queue *queue, const struct uiommu_resp *resps, uint32_t nb)
{
	struct iommufd_slots_table *table = queue->slots.table;
	uint16_t *free = &table->free[queue->slots.nb_free];
	const struct uiommu_resp *end = resps + nb;
	struct iommufd_resp *out = queue->resps;

	for (; resps < end; resps++) {
		out->code = iommufd_resp_code(resps->code);
		if (likely(iommufd_slots_give_plain(table, resps->tag, free, &out->cookie))) {
			free++;
			out++;
		} else {
			out += answer_make(queue, resps, free, &out->cookie);
			free = &table->free[queue->slots.nb_free];
		}
	}
	queue->slots.nb_free = (uint32_t)(free - table->free);
	return (uint32_t)(out - queue->resps);
}

/* All are taken, always: what is not written has its answer, or is lost with the queue. */
uint16_t
iommufd_respond(void *queue_private, const struct uiommu_resp *resps, uint16_t nb)
{
	struct iommufd_queue *queue = queue_private;
	uint32_t nb_out;

	iommufd_queue_hear(queue);
	nb = RTE_MIN(nb, (uint16_t)IOMMUFD_BURST_MAX);
	nb_out = answers_make(queue, resps, nb);
	if (likely(nb_out != 0))
		write_all(queue, nb_out);
	return nb;
}
