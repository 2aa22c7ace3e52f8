/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests that are not as they should be. Each takes an index (and a credit) like a
 * good one, so that the judge can tell which answer belongs to it: Invalid once, or none. Where
 * none may come, index and credit are given back after a while, as by a reset of the device.
 */

#include "emu_pvt.h"

/* PASIDs that are tried for one that the device does not use. */
#define STRANGE_TRIES 8
/* An address that is canonical neither with 4 levels nor with 5. */
#define STRANGE_ADDRESS (UINT64_C(1) << 62)

void
emu_stale_check(struct uiommu_emu *emu, uint32_t bond)
{
	if (emu->bond_gen[bond] == emu->generation)
		return;
	/* a unit that does not look at PASIDs leaves it to software to refuse */
	if (!emu->model->checks_pasids && !emu->devices[emu->bonds[bond].device]->stalls)
		return;
	/*
	 * Looked at after the tables: a request that is let in by an entry written after a new
	 * attach was announced finds the announcement.
	 */
	if ((emu_bond_want(emu, bond) & EMU_WANT_STATE) == UIOMMU_EMU_DETACHED)
		emu_violation(emu, &emu->live.stale,
			      "device 0x%x PASID 0x%x: request accepted after detach",
			      emu->devices[emu->bonds[bond].device]->endpoint_id,
			      emu->bonds[bond].pasid);
}

/* A PASID without bond; the device's own were all told to software. */
static bool
strange_pasid(struct uiommu_emu *emu, uint32_t victim, uint32_t *pasid)
{
	const struct emu_device *dev = emu->devices[emu->bonds[victim].device];
	unsigned int i;

	for (i = 0; i < STRANGE_TRIES; i++) {
		*pasid = UIOMMU_PASID_COUNT - 1 -
			 (uint32_t)emu_random_below(&emu->traffic.random, UIOMMU_PASID_COUNT / 2);
		if (emu_bond_find(emu, dev, *pasid) == 0)
			return true;
	}
	return false;
}

static void
message_spoil(struct uiommu_emu *emu, enum emu_kind kind, struct emu_message *msg)
{
	switch (kind) {
	case EMU_KIND_PRIVILEGE:
		if (msg->pasid != EMU_NO_PASID && (emu_random(&emu->traffic.random) & 1) != 0)
			msg->flags |= EMU_REQ_EXEC | EMU_REQ_READ;
		else
			msg->flags |= EMU_REQ_PRIV;
		break;
	case EMU_KIND_CANONICAL:
		msg->iova |= STRANGE_ADDRESS;
		break;
	case EMU_KIND_NO_ACCESS:
		msg->flags = 0;
		break;
	case EMU_KIND_STOP:
		msg->flags = EMU_REQ_LAST;
		break;
	case EMU_KIND_NEVER_LAST:
		msg->flags &= (uint16_t)~EMU_REQ_LAST;
		break;
	default:
		break;
	}
}

/* Past the tables: a unit with good tables would have answered itself. */
static bool
send_raw(struct uiommu_emu *emu, enum emu_kind kind, const struct emu_message *msg)
{
	uint64_t word[EMU_ENTRY_WORDS];

	if (emu->devices[emu->device_of[msg->endpoint_id]]->stalls) {
		emu->model->event(msg, word);
		return emu->model->raw(emu, word, emu->model->event_size);
	}
	if (emu->model->record != NULL)
		emu->model->record(msg, word);
	else
		emu->model->encode(msg, word);
	if (kind == EMU_KIND_RESERVED || kind == EMU_KIND_TYPE)
		emu->model->spoil(word, kind, emu_random(&emu->traffic.random));
	return emu->model->raw(emu, word, emu->model->entry_size);
}

static bool
send(struct uiommu_emu *emu, enum emu_kind kind, uint32_t victim, uint16_t device,
     const struct emu_message *msg)
{
	switch (kind) {
	case EMU_KIND_RESERVED:
	case EMU_KIND_TYPE:
	case EMU_KIND_ENDPOINT:
	case EMU_KIND_PASID:
		return send_raw(emu, kind, msg);
	default:
		if (emu->model->request(emu, emu->devices[device], victim, msg) !=
		    UIOMMU_EMU_QUEUED)
			return false;
		emu_stale_check(emu, victim);
		return true;
	}
}

static bool
is_answered(const struct uiommu_emu *emu, enum emu_kind kind)
{
	/* where entries have no type, the kind is another of reserved bits */
	if (kind == EMU_KIND_TYPE)
		return !emu->model->typed;
	return kind == EMU_KIND_RESERVED || kind == EMU_KIND_ENDPOINT || kind == EMU_KIND_PASID ||
	       kind == EMU_KIND_PRIVILEGE || kind == EMU_KIND_CANONICAL;
}

static uint8_t
allowed(const struct uiommu_emu *emu, enum emu_kind kind, bool stalls)
{
	if (kind == EMU_KIND_RESERVED || kind == EMU_KIND_TYPE)
		return emu->model->reserved_allow;
	/* SMMUv3 leaves it to the tables, and so to software, who may execute what */
	if (kind == EMU_KIND_PRIVILEGE && !emu->model->typed)
		return EMU_ALLOW_SUCCESS | EMU_ALLOW_INVALID;
	/* an access to any address faults like others, and waits */
	if (kind == EMU_KIND_CANONICAL && stalls)
		return EMU_ALLOW_SUCCESS | EMU_ALLOW_INVALID;
	return EMU_ALLOW_INVALID;
}

unsigned int
emu_bad_send(struct uiommu_emu *emu, const struct emu_template *tmpl)
{
	const enum emu_kind kind = (enum emu_kind)tmpl->kind;
	const uint32_t victim = (uint32_t)tmpl->expect;
	struct emu_message msg;
	uint8_t allow;
	int prgi;

	if ((emu_bond_want(emu, victim) & EMU_WANT_QUIET) != 0)
		return 0;
	/* the unit itself makes the events of accesses that wait: only who it is can be wrong */
	if (emu->devices[tmpl->device]->stalls && kind != EMU_KIND_ENDPOINT &&
	    kind != EMU_KIND_PASID)
		return 0;
	msg = emu_template_message(emu, tmpl);
	if (kind == EMU_KIND_PASID && !strange_pasid(emu, victim, &msg.pasid))
		return 0;
	/* without a PASID SMMUv3 knows no privilege: nothing would be bad about it */
	if (msg.pasid == EMU_NO_PASID &&
	    (kind == EMU_KIND_STOP ||
	     (kind == EMU_KIND_PRIVILEGE && !emu->model->typed)))
		return 0;
	message_spoil(emu, kind, &msg);
	/* stop markers take no credit */
	prgi = emu_group_begin(emu, tmpl->device, 0, msg.pasid, kind == EMU_KIND_STOP ? 0 : 1);
	if (prgi < 0)
		return 0;
	msg.prgi = (uint16_t)prgi;
	if (!send(emu, kind, victim, tmpl->device, &msg)) {
		emu_group_end(emu, tmpl->device, msg.prgi);
		return 1;
	}
	uiommu_count(&emu->live.bad_sent, 1);
	if (kind == EMU_KIND_STOP)
		uiommu_count(&emu->live.stop_markers, 1);
	if (!is_answered(emu, kind)) {
		emu_group_silence(emu, tmpl->device, msg.prgi);
		return 1;
	}
	allow = allowed(emu, kind, emu->devices[tmpl->device]->stalls);
	uiommu_count(&emu->live.bad_allowed, (allow & EMU_ALLOW_SUCCESS) != 0);
	emu_group_await(emu, tmpl->device, msg.prgi, allow);
	return 1;
}

void
emu_stop_marker_send(struct uiommu_emu *emu, uint32_t bond)
{
	const uint16_t device = emu->bonds[bond].device;
	struct emu_message msg = {
		.endpoint_id = emu->devices[device]->endpoint_id,
		.pasid = emu->bonds[bond].pasid,
		.flags = EMU_REQ_LAST,
	};
	int prgi;

	/* nor has a device that waits any requests that it could close */
	if (msg.pasid == EMU_NO_PASID || emu->devices[device]->stalls)
		return;
	prgi = emu_group_begin(emu, device, 0, msg.pasid, 0);
	if (prgi < 0)
		return;
	msg.prgi = (uint16_t)prgi;
	if (emu->model->request(emu, emu->devices[device], bond, &msg) != UIOMMU_EMU_QUEUED) {
		emu_group_end(emu, device, msg.prgi);
		return;
	}
	uiommu_count(&emu->live.stop_markers, 1);
	emu_group_silence(emu, device, msg.prgi);
}
