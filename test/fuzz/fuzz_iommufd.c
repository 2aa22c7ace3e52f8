/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Messages of a fault queue, as no kernel would write them: what the driver makes of a read, with
 * slots, groups and answers, by the functions that its data path is made of.
 *
 * An input is steps of 40 bytes. One whose first byte is below 0xe0 is a message of the read that
 * is being gathered, as it stands. Others order something: the read ends (0xe0 to 0xef), and
 * messages of it are decoded; some answers are given (0xf0 to 0xf7, how many and which by the
 * bytes that follow); the kernel has ended groups of a device (0xf8 to 0xff).
 */

#include <string.h>

#include <iommufd_msg.h>

#include "fuzz.h"

#define STEP sizeof(struct iommufd_fault)
#define READ_MAX 256
#define SLOTS 300

/* What has happened, over all inputs. */
enum {
	READS,
	MESSAGES,
	GROUPS,
	LARGE_GROUPS,
	LEFT_OUT,
	REFUSED,
	RECYCLED,
	NOT_ENDED,
	ENDED,
	WRITTEN,
	DROPPED,
	WRONG,
	PLAIN,
	COUNTS,
};

static const char *const names[COUNTS] = {
	"reads", "messages", "groups", "large groups", "left out", "refused", "recycled",
	"not ended", "ended by the kernel", "written", "dropped", "wrong", "plain",
};

static uint64_t counts[COUNTS];

static struct iommufd_slots slots;
static struct iommufd_slots_table table;
static struct iommufd_devmap devmap;
static struct iommufd_fault msgs[READ_MAX + 1];
static uint32_t nb_msgs;
static uint32_t reads;

/* Of each slot: what the engine knows, and the cookie that it stands for. */
static struct {
	bool given;    /* to the engine */
	bool closed;   /* its last message was seen */
	bool dead;
	uint32_t cookie;
	uint32_t dev_id;
	uint32_t pasid;
	uint32_t read;
} known[IOMMUFD_SLOTS_MAX];

static uint32_t nb_given;

/* A group gets a slot: any older one with this cookie is dead. */
static void
slot_given(uint16_t slot, const struct iommufd_fault *last, uint32_t pasid)
{
	uint32_t i;

	rule(slot < SLOTS, "a slot is one of those that there are");
	rule(!known[slot].given, "a slot is given once");
	for (i = 0; i < SLOTS; i++) {
		if (known[i].given && !known[i].dead && known[i].cookie == last->cookie) {
			known[i].dead = true;
			counts[RECYCLED]++;
		}
	}
	known[slot].given = true;
	known[slot].closed = false;
	known[slot].dead = false;
	known[slot].cookie = last->cookie;
	known[slot].dev_id = last->dev_id;
	known[slot].pasid = pasid;
	known[slot].read = reads;
	nb_given++;
}

static void
fault_check(const struct uiommu_fault *fault, bool bad)
{
	rule(fault->iova % 4096 == 0, "an address is that of a page");
	rule(fault->pasid <= UIOMMU_NO_PASID, "a PASID has 20 bits");
	rule((fault->flags & UIOMMU_FAULT_PASID) != 0 || fault->pasid == UIOMMU_NO_PASID,
	     "without PASID there is none");
	rule(bad == ((fault->flags & UIOMMU_FAULT_REJECT) != 0), "what is refused is marked");
	rule(bad || (fault->flags & UIOMMU_FAULT_ACCESS) != 0, "an access is wanted");
	counts[REFUSED] += bad;
}

/* The messages of one group, all of them decoded. */
static void
group_take(const struct iommufd_fault *before, const struct iommufd_fault *after, uint32_t nb)
{
	const uint32_t pasid = iommufd_msg_pasid(&before[nb - 1]);
	struct uiommu_fault fault;
	uint32_t i;

	slot_given((uint16_t)after[nb - 1].length, &before[nb - 1], pasid);
	for (i = 0; i < nb; i++) {
		const bool last = i + 1 == nb;
		const bool other = iommufd_msg_pasid(&before[i]) != pasid ||
				   before[i].dev_id != before[nb - 1].dev_id;

		rule(((after[i].flags & IOMMUFD_MSG_DROP) != 0) == other,
		     "what is another's is left out, and nothing else");
		counts[LEFT_OUT] += other;
		if (other)
			continue;
		fault_check(&fault, iommufd_msg_decode(&after[i], 1, &fault));
		rule(fault.tag == after[nb - 1].length, "a group has one number");
		rule(((fault.flags & UIOMMU_FAULT_LAST) != 0) == last, "the last one is the last");
		rule(fault.pasid == pasid, "a group has one PASID");
	}
	known[after[nb - 1].length].closed = true;
	counts[NOT_ENDED] += (before[nb - 1].flags & IOMMUFD_FAULT_LAST) == 0;
	counts[GROUPS]++;
	counts[LARGE_GROUPS] += nb > 1;
}

/* Those at the front that are groups by themselves, and the same by the other way. */
static uint32_t
plain_take(void)
{
	static struct uiommu_fault faults[READ_MAX];
	struct uiommu_fault again;
	struct iommufd_fault copy;
	uint32_t i, nb = iommufd_msgs_take_plain(&slots, &devmap, msgs, nb_msgs, reads, faults);

	rule(nb <= nb_msgs, "no more is taken than there is");
	for (i = 0; i < nb; i++) {
		const struct iommufd_fault *msg = &msgs[i];

		rule((msg->flags & IOMMUFD_FAULT_LAST) != 0, "a plain one is the last");
		rule(msg[1].cookie != msg->cookie, "a plain one is alone");
		slot_given(faults[i].tag, msg, iommufd_msg_pasid(msg));
		fault_check(&faults[i], false);
		copy = *msg;
		copy.flags &= IOMMUFD_FAULT_FLAGS;
		copy.length = faults[i].tag;
		rule(!iommufd_msg_decode(&copy, iommufd_devmap_get(&devmap, msg->dev_id), &again),
		     "what is plain is not refused");
		rule(memcmp(&faults[i], &again, sizeof(again)) == 0, "both ways decode the same");
		known[faults[i].tag].closed = true;
		counts[PLAIN]++;
		counts[GROUPS]++;
	}
	return nb;
}

static void
read_end(void)
{
	static struct iommufd_fault before[READ_MAX];
	struct iommufd_msgs_odd odd = {0};
	const uint64_t recycled = counts[RECYCLED], not_ended = counts[NOT_ENDED];
	uint32_t begin, end;

	if (nb_msgs == 0 || nb_msgs > slots.nb_free)
		return;
	reads++;
	counts[READS]++;
	counts[MESSAGES] += nb_msgs;
	msgs[nb_msgs].cookie = ~msgs[nb_msgs - 1].cookie;
	memcpy(before, msgs, sizeof(before));
	begin = plain_take();
	rule(counts[RECYCLED] == recycled, "a plain one is no other's");
	iommufd_msgs_claim(&slots, msgs + begin, nb_msgs - begin, reads, &odd);
	for (; begin < nb_msgs; begin = end) {
		end = begin + 1;
		while (end < nb_msgs && before[end].cookie == before[begin].cookie)
			end++;
		group_take(&before[begin], &msgs[begin], end - begin);
	}
	rule(counts[RECYCLED] - recycled == odd.recycled, "what came again is counted");
	rule(counts[NOT_ENDED] - not_ended == odd.not_ended, "what has no end is counted");
	rule(slots.nb_free == SLOTS - nb_given, "slots are counted");
	nb_msgs = 0;
}

/* An answer for any number, given or not. */
static void
answer(uint16_t slot)
{
	uint32_t cookie = 0;
	enum iommufd_slot_end end = IOMMUFD_SLOT_WRITE;

	/* as the driver does it: the usual way first */
	if (iommufd_slots_give_plain(&table, slot, &table.free[slots.nb_free], &cookie))
		slots.nb_free++;
	else
		end = iommufd_slots_give(&slots, slot, &cookie);
	if (slot >= SLOTS || !known[slot].given) {
		rule(end == IOMMUFD_SLOT_WRONG, "what was not given has no answer");
		counts[WRONG]++;
		return;
	}
	rule(known[slot].closed, "an answer is for a whole group");
	rule(end == (known[slot].dead ? IOMMUFD_SLOT_DROP : IOMMUFD_SLOT_WRITE),
	     "what the kernel has answered is dropped, and nothing else");
	rule(cookie == known[slot].cookie, "the cookie is the group's");
	counts[known[slot].dead ? DROPPED : WRITTEN]++;
	known[slot].given = false;
	nb_given--;
}

static void
kernel_ends(const struct iommufd_fault *step)
{
	const uint32_t pasid = (step->pasid & 1) != 0 ? IOMMUFD_SLOT_ANY_PASID : step->perm;
	const uint32_t read = reads - (step->grpid & 3);
	uint32_t i, want = 0;

	for (i = 0; i < SLOTS; i++) {
		if (!known[i].given || known[i].dead || known[i].dev_id != step->dev_id ||
		    (pasid != IOMMUFD_SLOT_ANY_PASID && known[i].pasid != pasid) ||
		    (int32_t)(known[i].read - read) > 0)
			continue;
		known[i].dead = true;
		want++;
	}
	rule(iommufd_slots_end(&slots, step->dev_id, pasid, read) == want,
	     "what a detach ends is ended");
	counts[ENDED] += want;
}

static void
step_run(const uint8_t *bytes)
{
	struct iommufd_fault step;
	unsigned int i;

	memcpy(&step, bytes, STEP);
	if (bytes[0] < 0xe0) {
		if (nb_msgs < READ_MAX)
			msgs[nb_msgs++] = step;
	} else if (bytes[0] < 0xf0) {
		read_end();
	} else if (bytes[0] < 0xf8) {
		for (i = 0; i <= (bytes[0] & 7U); i++)
			answer((uint16_t)(bytes[2 + 2 * i] | bytes[3 + 2 * i] << 8));
	} else {
		kernel_ends(&step);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool used;
	uint32_t i;

	/* all that was given has gone back at the end of the input before */
	if (!used) {
		iommufd_slots_init(&slots, SLOTS, &table);
		rule(iommufd_devmap_add(&devmap, 7, 0x700) == 0, "there is room for a device");
	}
	used = true;
	nb_msgs = 0;
	for (; size >= STEP; data += STEP, size -= STEP)
		step_run(data);
	read_end();
	for (i = 0; i < SLOTS; i++)
		if (known[i].given)
			answer((uint16_t)i);
	rule(nb_given == 0 && slots.nb_free == SLOTS, "each group has one answer");
	for (i = 0; i <= UINT16_MAX; i++)
		rule(table.heads[i] == IOMMUFD_SLOT_NONE, "no cookie is left");
	return 0;
}

bool
fuzz_is_complete(void)
{
	bool complete = true;
	unsigned int i;

	for (i = 0; i < COUNTS; i++) {
		printf("# %s: %llu\n", names[i], (unsigned long long)counts[i]);
		complete = complete && counts[i] != 0;
	}
	return complete;
}
