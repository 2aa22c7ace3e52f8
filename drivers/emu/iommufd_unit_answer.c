/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Answers, as the kernel hears of them: to the judge.
 */

#include "iommufd_unit.h"

#define BURST 64

/* The kernel took no notice of it; but what did software mean by it? */
static void
refused_judge(struct uiommu_emu *emu, const struct iommufd_kernel_answer *answer)
{
	const struct emu_device *dev = emu_device_find(emu, answer->endpoint_id);
	uint32_t bond;

	switch ((enum iommufd_kernel_refused)answer->refused) {
	case IOMMUFD_KERNEL_AGAIN:
		emu_violation(emu, &emu->live.duplicated,
			      "device 0x%x PASID 0x%x index %u: its cookie was answered again",
			      answer->endpoint_id, answer->pasid, answer->prgi);
		break;
	case IOMMUFD_KERNEL_TOO_LATE:
		/* in the middle of a detach nobody can know; after it, everybody does */
		bond = dev != NULL ? emu_bond_find(emu, dev, answer->pasid) : 0;
		if (bond != 0 &&
		    (emu_bond_want(emu, bond) & EMU_WANT_STATE) == UIOMMU_EMU_DETACHED)
			emu_violation(emu, &emu->live.unexpected,
				      "device 0x%x PASID 0x%x index %u: cookie answered after "
				      "detach",
				      answer->endpoint_id, answer->pasid, answer->prgi);
		break;
	default:
		emu_violation(emu, &emu->live.protocol, "a cookie was answered that never was one");
	}
}

static void
answer_judge(struct uiommu_emu *emu, const struct iommufd_kernel_answer *answer)
{
	const struct emu_response resp = {
		.endpoint_id = answer->endpoint_id,
		.pasid = answer->pasid,
		.prgi = answer->prgi,
		.code = answer->code,
	};

	if (answer->refused != IOMMUFD_KERNEL_TAKEN)
		refused_judge(emu, answer);
	else if (answer->by_kernel) {
		uiommu_count(&emu->live.unread, answer->unread);
		emu_own_answer(emu, &resp);
	} else
		emu_judge_response(emu, &resp);
}

/* @return answers that were software's */
static __rte_always_inline unsigned int
burst_judge(struct uiommu_emu *emu, const struct iommufd_kernel_answer *answers, unsigned int nb,
	    const bool several)
{
	struct emu_run run = {0};
	unsigned int judged = 0, i;
	uint64_t word[2];

	for (i = 0; i < nb; i++) {
		word[0] = iommufd_unit_answer_word(answers[i].endpoint_id, answers[i].pasid,
						   answers[i].code);
		word[1] = answers[i].prgi;
		if (likely(!answers[i].by_kernel && answers[i].refused == IOMMUFD_KERNEL_TAKEN &&
			   emu_fast_judge(emu, word, &run, IOMMUFD_UNIT_LAYOUT(emu), several)))
			continue;
		judged += emu_run_end(emu, &run) + 1;
		answer_judge(emu, &answers[i]);
	}
	return judged + emu_run_end(emu, &run);
}

unsigned int
iommufd_unit_collect(struct uiommu_emu *emu)
{
	struct iommufd_unit *unit = emu->unit;
	struct iommufd_kernel_answer answers[BURST];
	unsigned int nb, judged = 0;

	do {
		nb = unit->ops->responses(&unit->kernel, answers, BURST);
		/* groups of one page that nobody verifies: a loop that knows */
		judged += emu->several ? burst_judge(emu, answers, nb, true) :
					 burst_judge(emu, answers, nb, false);
	} while (nb == BURST);
	uiommu_count(&emu->live.unread,
		     __atomic_exchange_n(&unit->kernel.kept, 0, __ATOMIC_RELAXED));
	/* an answer must be true when software has given it */
	emu_verify_flush(emu);
	unit->judged += judged;
	return judged;
}
