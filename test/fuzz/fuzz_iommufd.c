/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The data path of iommufd over a fault queue as no kernel would play it: any messages, taken in
 * pieces of any size, answers to any slots, writes that stop anywhere. Fetch and respond are the
 * driver's own, whole; what must come of it is worked out here anew, from the messages.
 *
 * An input is steps of 40 bytes. One whose first byte is below 0xe0 is a message of the read that
 * is being gathered, as it stands. Others order something: the read ends (0xe0 to 0xef), and is
 * fetched, 1 to 64 messages at a time (byte 1); some answers are given (0xf0 to 0xf7, how many and
 * which by the bytes that follow), of which the kernel refuses some (the last two bytes), as of
 * those at the end; the kernel has ended groups of a device (0xf8 to 0xff).
 */

#include <stdarg.h>
#include <string.h>

#include <rte_log.h>

static int
log_nowhere(uint32_t level, uint32_t type, const char *format, ...)
{
	(void)level;
	(void)type;
	(void)format;
	return 0;
}

#define rte_log log_nowhere
#include <iommufd_fetch.c>
#include <iommufd_queue.c>
/* built without liburing: nothing waits here */
#include <iommufd_ready.c>
#include <iommufd_respond.c>
#include <iommufd_slot.c>

#include "fuzz.h"

#define STEP sizeof(struct iommufd_fault)
#define READ_MAX 256
#define SLOTS 300
#define FETCH_MAX 64
#define KNOWN_DEVICE 7
#define ENDPOINT 0x1234

/* What has happened, over all inputs. */
enum {
	READS,
	MESSAGES,
	GROUPS,
	LARGE_GROUPS,
	SPLIT_GROUPS,
	LEFT_OUT,
	REFUSED,
	RECYCLED,
	NOT_ENDED,
	ENDED,
	WRITTEN,
	DROPPED,
	WRONG,
	STOPPED,
	COUNTS,
};

static const char *const names[COUNTS] = {
	"reads", "messages", "groups", "large groups", "groups in two fetches", "left out",
	"refused", "recycled", "not ended", "ended by the kernel", "written", "dropped", "wrong",
	"writes that stopped",
};

static uint64_t counts[COUNTS];

int iommufd_logtype;

static struct iommufd_queue queue;
static struct iommufd_slots_table table;
static struct iommufd_devmap devmap;
static struct iommufd_fault buffer[READ_MAX + 1];
static struct iommufd_fault msgs[READ_MAX]; /* of the read that is gathered */
static uint32_t nb_msgs;
static uint32_t reads;

/* Of each slot: the group that it stands for. */
static struct {
	bool given;   /* to the engine: its last message was fetched */
	bool dead;
	uint32_t cookie;
	uint32_t dev_id;
	uint32_t pasid;
	uint32_t read;
} known[UINT16_MAX + 1];

static uint32_t nb_given;

/* ------------------------------------------------------------------ a kernel's file */

static struct iommufd_resp wanted[IOMMUFD_BURST_MAX]; /* answers that must be offered, in order */
static uint32_t nb_wanted, nb_offered;
static uint32_t refused; /* bits: answers that the kernel does not take, the 16 over again */

static ssize_t
file_read(struct uiommu_platform *plat, int fd, void *buf, size_t len)
{
	(void)plat;
	(void)fd;
	rule(buf == buffer && len >= nb_msgs * STEP, "a read has room for what was asked before");
	memcpy(buf, msgs, nb_msgs * STEP);
	return (ssize_t)(nb_msgs * STEP);
}

static ssize_t
file_write(struct uiommu_platform *plat, int fd, const void *buf, size_t len)
{
	const struct iommufd_resp *resps = buf;
	size_t done = 0;

	(void)plat;
	(void)fd;
	rule(len != 0 && len % sizeof(*resps) == 0, "answers are written whole");
	for (; done < len; done += sizeof(*resps), resps++) {
		rule(nb_offered < nb_wanted, "no answer is written twice, or to nobody");
		rule(resps->cookie == wanted[nb_offered].cookie &&
			     resps->code == wanted[nb_offered].code,
		     "each answer is the one that was given");
		if ((refused >> (nb_offered % 16) & 1) != 0) {
			counts[STOPPED]++;
			/* it is over with this one: what is behind it is to come next */
			nb_offered++;
			return done != 0 ? (ssize_t)done : -EINVAL;
		}
		nb_offered++;
	}
	return (ssize_t)done;
}

static const struct uiommu_file_ops files = {.read = file_read, .write = file_write};

/* ------------------------------------------------------------------------- reading */

static uint32_t
pasid_of(const struct iommufd_fault *msg)
{
	return (msg->flags & 1) != 0 ? msg->pasid & 0xfffff : UIOMMU_NO_PASID;
}

static bool
is_bad(const struct iommufd_fault *msg)
{
	return msg->perm > 15 || (msg->perm & 7) == 0 ||
	       ((msg->flags & 1) != 0 && msg->pasid > 0xfffff);
}

/* Messages from begin on that have its cookie. */
static uint32_t
group_end(uint32_t begin)
{
	uint32_t end = begin + 1;

	while (end < nb_msgs && msgs[end].cookie == msgs[begin].cookie)
		end++;
	return end;
}

static void
fault_check(const struct uiommu_fault *fault, const struct iommufd_fault *msg,
	    const struct iommufd_fault *last)
{
	const bool bad = is_bad(msg);
	uint16_t flags = msg == last ? UIOMMU_FAULT_LAST : 0;

	flags |= (uint16_t)((msg->perm & 3) | (msg->perm & 4) << 1 | (msg->perm & 8) << 1);
	flags |= (msg->flags & 1) != 0 ? UIOMMU_FAULT_PASID : 0;
	flags |= bad ? UIOMMU_FAULT_REJECT : 0;
	rule(fault->iova == (msg->addr & ~UINT64_C(0xfff)), "an address is that of a page");
	rule(fault->endpoint_id == (msg->dev_id == KNOWN_DEVICE ? ENDPOINT : UINT32_MAX),
	     "a device is an endpoint, or unknown");
	rule(fault->pasid == pasid_of(msg), "a PASID has 20 bits, or is none");
	rule(fault->prg_index == (uint16_t)last->grpid, "a group has one index");
	rule(fault->flags == flags, "flags are those of the message, and of its place");
	rule(fault->nb_pages == 0, "there is no hint");
	counts[REFUSED] += bad;
}

/* A group has a slot: older ones with its cookie are dead. */
static void
group_given(uint16_t slot, const struct iommufd_fault *last)
{
	uint32_t i;

	rule(!known[slot].given, "a slot is given once");
	for (i = 0; i < SLOTS; i++)
		known[i].dead |= known[i].given && known[i].cookie == last->cookie;
	known[slot].given = true;
	known[slot].dead = false;
	known[slot].cookie = last->cookie;
	known[slot].dev_id = last->dev_id;
	known[slot].pasid = pasid_of(last);
	known[slot].read = reads;
	nb_given++;
	counts[GROUPS]++;
}

/* Cookies of the read that a group before it has: that one is dead as soon as it is known. */
static bool
comes_again(uint32_t after, uint32_t cookie)
{
	uint32_t i;

	for (i = after; i < nb_msgs; i++)
		if (msgs[i].cookie == cookie)
			return true;
	return false;
}

/* What a read gave, fetched in pieces. */
static void
read_fetch(uint16_t piece)
{
	struct uiommu_fault faults[FETCH_MAX];
	uint32_t begin = 0, at = 0, end = 0;
	uint16_t nb = 0, used = 0, taken, tag = 0;
	bool has_tag = false;
	uint32_t events = 0;

	while (at < nb_msgs) {
		const struct iommufd_fault *last, *msg = &msgs[at];
		const uint32_t left = nb_msgs - at;

		nb = iommufd_queue_ops.fetch(&queue, faults, piece, &taken, &events);
		rule(taken == RTE_MIN(left, (uint32_t)piece) && nb <= taken && events == 0,
		     "as much is taken as was asked for");
		for (used = 0; taken > 0; taken--, at++, msg++) {
			if (at == end) {
				begin = at;
				end = group_end(at);
				has_tag = false;
				counts[LARGE_GROUPS] += end - begin > 1;
				counts[NOT_ENDED] += (msgs[end - 1].flags & 2) == 0;
			}
			last = &msgs[end - 1];
			if (pasid_of(msg) != pasid_of(last) || msg->dev_id != last->dev_id) {
				counts[LEFT_OUT]++;
				continue;
			}
			rule(used < nb, "what is another's is left out, and nothing else");
			fault_check(&faults[used], msg, last);
			rule(!has_tag || faults[used].tag == tag, "a group has one number");
			tag = faults[used++].tag;
			has_tag = true;
			if (msg == last)
				group_given(tag, last);
			else
				counts[SPLIT_GROUPS] += taken == 1;
		}
		rule(used == nb, "nothing is made up");
	}
}

static void
read_end(uint16_t piece)
{
	uint64_t recycled = queue.stats.recycled_cookies, dead = 0;
	uint32_t i, k;

	if (nb_msgs == 0 || nb_msgs > SLOTS - nb_given)
		return;
	/* how many older groups this read ends: by their cookies */
	for (i = 0; i < nb_msgs; i = group_end(i)) {
		for (k = 0; k < SLOTS; k++)
			if (known[k].given && !known[k].dead && known[k].cookie == msgs[i].cookie) {
				known[k].dead = true;
				dead++;
			}
		dead += comes_again(group_end(i), msgs[i].cookie);
	}
	counts[READS]++;
	counts[MESSAGES] += nb_msgs;
	reads++;
	read_fetch(piece);
	rule(queue.stats.recycled_cookies - recycled == dead, "what came again is counted");
	counts[RECYCLED] += dead;
	rule(queue.slots.nb_free == SLOTS - nb_given, "slots are counted");
	nb_msgs = 0;
}

/* ------------------------------------------------------------------------- answers */

static void
answers_give(const uint16_t *tags, uint16_t nb, uint32_t bits)
{
	static struct uiommu_resp resps[IOMMUFD_BURST_MAX];
	uint16_t i;

	nb_wanted = 0;
	nb_offered = 0;
	refused = bits;
	for (i = 0; i < nb; i++) {
		const uint16_t tag = tags[i];

		resps[i] = (struct uiommu_resp){.tag = tag, .code = tag % UIOMMU_CODE_SENT_COUNT};
		if (!known[tag].given) {
			counts[WRONG]++;
			continue;
		}
		known[tag].given = false;
		nb_given--;
		counts[known[tag].dead ? DROPPED : WRITTEN]++;
		if (known[tag].dead)
			continue;
		wanted[nb_wanted++] = (struct iommufd_resp){
			.cookie = known[tag].cookie,
			.code = resps[i].code == UIOMMU_CODE_INVALID ||
				resps[i].code == UIOMMU_CODE_FAILURE,
		};
	}
	rule(iommufd_queue_ops.respond(&queue, resps, nb) == nb, "all answers are taken");
	rule(nb_offered == nb_wanted, "each group that waits has its answer");
}

static void
kernel_ends(const struct iommufd_fault *step)
{
	const uint32_t pasid = (step->pasid & 1) != 0 ? IOMMUFD_SLOT_ANY_PASID : step->perm;
	const uint32_t read = reads - (step->grpid & 3);
	const uint64_t before = queue.stats.ended_groups;
	uint32_t i, want = 0;

	for (i = 0; i < SLOTS; i++) {
		if (!known[i].given || known[i].dead || known[i].dev_id != step->dev_id ||
		    (pasid != IOMMUFD_SLOT_ANY_PASID && known[i].pasid != pasid) ||
		    (int32_t)(known[i].read - read) > 0)
			continue;
		known[i].dead = true;
		want++;
	}
	iommufd_notices_post(&queue.notices,
			     &(struct iommufd_slots_ended){.dev_id = step->dev_id, .pasid = pasid,
							   .read = read});
	answers_give(NULL, 0, refused);
	rule(queue.stats.ended_groups - before == want, "what a detach ends is ended");
	counts[ENDED] += want;
}

static void
step_run(const uint8_t *bytes)
{
	struct iommufd_fault step;
	uint16_t tags[8];
	unsigned int i, nb;

	memcpy(&step, bytes, STEP);
	if (bytes[0] < 0xe0) {
		if (nb_msgs < READ_MAX)
			msgs[nb_msgs++] = step;
	} else if (bytes[0] < 0xf0) {
		read_end((uint16_t)(1 + bytes[1] % FETCH_MAX));
	} else if (bytes[0] < 0xf8) {
		nb = (bytes[0] & 7U) + 1;
		for (i = 0; i < nb; i++)
			tags[i] = (uint16_t)(bytes[2 + 2 * i] | bytes[3 + 2 * i] << 8);
		answers_give(tags, (uint16_t)nb, bytes[38] | (uint32_t)bytes[39] << 8);
	} else {
		kernel_ends(&step);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool used;
	uint16_t tags[SLOTS], nb = 0;
	uint32_t i;

	/* all that was given has gone back at the end of the input before */
	if (!used) {
		queue.files = &files;
		queue.devmap = &devmap;
		queue.msgs = buffer;
		queue.entries = READ_MAX;
		queue.want = READ_MAX;
		iommufd_devmap_add(&devmap, KNOWN_DEVICE, ENDPOINT);
		iommufd_slots_init(&queue.slots, SLOTS, &table);
	}
	used = true;
	nb_msgs = 0;
	reads = queue.reads;
	refused = 0;
	for (; size >= STEP; data += STEP, size -= STEP)
		step_run(data);
	read_end(FETCH_MAX);
	for (i = 0; i < SLOTS; i++)
		if (known[i].given)
			tags[nb++] = (uint16_t)i;
	answers_give(tags, nb, refused);
	rule(nb_given == 0 && queue.slots.nb_free == SLOTS, "each group has one answer");
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
