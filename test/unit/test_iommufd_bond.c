/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Bonds: what the kernel is asked for, what is rolled back, what the owner of a queue is told. */

#include "iommufd_rig_use.h"

#define RID UIOMMU_NO_PASID

static struct iommufd_endpoint *endpoint;
static struct iommufd_domain *domain;

static void
up(uint64_t flags)
{
	unit_up(1024, 64, 64);
	endpoint = endpoint_new(ENDPOINT, flags);
	domain = domain_new(UIOMMU_DOMAIN_PAGING, 0, NULL);
	fake.nb_calls = 0;
}

static void
down(void)
{
	iommufd_endpoint_clear(&dev, endpoint);
	iommufd_endpoint_free(&dev, endpoint);
	iommufd_domain_fini(&dev, domain);
	unit_down();
}

static void
assert_call(uint32_t at, unsigned long request, int fd, uint32_t flags)
{
	assert_true(at < fake.nb_calls);
	assert_int_equal(fake.calls[at].request, request);
	assert_int_equal(fake.calls[at].fd, fd);
	assert_int_equal(fake.calls[at].flags, flags);
}

static void
attach_and_detach(void **state)
{
	const uint32_t flags = IOMMUFD_HWPT_FAULT_ID_VALID | IOMMUFD_HWPT_PASID;

	up(0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	assert_call(0, IOMMUFD_HWPT_ALLOC, CONTEXT_FD, flags);
	assert_int_equal(fake.calls[0].id, domain->ioas);
	assert_int_equal(fake.calls[0].len, unit->fault_ids[0]);
	assert_call(1, IOMMUFD_VFIO_ATTACH, DEVICE_FD, 0);
	/* the same table serves its PASIDs */
	assert_int_equal(iommufd_bond_set(&dev, endpoint, 5, domain), 0);
	assert_call(2, IOMMUFD_VFIO_ATTACH, DEVICE_FD, IOMMUFD_VFIO_PASID);
	assert_int_equal(fake.calls[2].id, fake.calls[1].id);
	assert_int_equal(fake.calls[2].first, 5);
	iommufd_bond_clear(&dev, endpoint, 5);
	assert_call(3, IOMMUFD_VFIO_DETACH, DEVICE_FD, IOMMUFD_VFIO_PASID);
	iommufd_bond_clear(&dev, endpoint, 5);
	iommufd_bond_clear(&dev, endpoint, RID);
	assert_call(4, IOMMUFD_VFIO_DETACH, DEVICE_FD, 0);
	assert_int_equal(fake.nb_calls, 5);
	assert_int_equal(stat_get("hwpts"), 1);
	down();
}

/* A device without page requests has a table without a queue; one domain serves both. */
static void
without_requests(void **state)
{
	void *other;

	up(UIOMMU_ENDPOINT_NO_PAGE_REQUESTS);
	other = endpoint_new(ENDPOINT + 1, 0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	assert_call(0, IOMMUFD_HWPT_ALLOC, CONTEXT_FD, IOMMUFD_HWPT_PASID);
	assert_int_equal(iommufd_bond_set(&dev, other, RID, domain), 0);
	assert_call(2, IOMMUFD_HWPT_ALLOC, CONTEXT_FD,
		    IOMMUFD_HWPT_PASID | IOMMUFD_HWPT_FAULT_ID_VALID);
	iommufd_endpoint_clear(&dev, other);
	iommufd_endpoint_free(&dev, other);
	down();
}

/* A table that does not go with the device: another is made; other refusals are final. */
static void
tables_are_tried(void **state)
{
	void *other;

	up(0);
	other = endpoint_new(ENDPOINT + 1, 0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	fake.fail_request = IOMMUFD_VFIO_ATTACH;
	fake.fail_error = -EINVAL;
	fake.fail_times = 1;
	assert_int_equal(iommufd_bond_set(&dev, other, RID, domain), 0);
	assert_int_equal(stat_get("hwpts"), 2);
	iommufd_bond_clear(&dev, other, RID);
	fake.fail_error = -EBUSY;
	fake.fail_times = 1;
	assert_int_equal(iommufd_bond_set(&dev, other, RID, domain), -EIO);
	assert_int_equal(stat_get("hwpts"), 2);
	/* the first does not go, the second does: no third is made */
	fake.fail_error = -EINVAL;
	fake.fail_times = 1;
	assert_int_equal(iommufd_bond_set(&dev, other, RID, domain), 0);
	assert_int_equal(stat_get("hwpts"), 2);
	iommufd_bond_clear(&dev, other, RID);
	/* not with the new one either: it goes again */
	fake.fail_error = -EINVAL;
	fake.fail_times = 3;
	assert_int_equal(iommufd_bond_set(&dev, other, RID, domain), -EINVAL);
	assert_non_null(strstr(log_text, "endpoint 0x101: cannot be attached: the kernel takes no "
			       "page requests of this device"));
	assert_int_equal(fake.calls[fake.nb_calls - 1].request, IOMMUFD_DESTROY);
	iommufd_endpoint_clear(&dev, other);
	iommufd_endpoint_free(&dev, other);
	down();
}

/* A kernel that attaches no PASIDs. */
static void
old_kernel(void **state)
{
	up(0);
	fake.no_pasid_tables = true;
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	assert_call(1, IOMMUFD_HWPT_ALLOC, CONTEXT_FD, IOMMUFD_HWPT_FAULT_ID_VALID);
	assert_string_equal(log_text, "");
	assert_int_equal(iommufd_bond_set(&dev, endpoint, 5, domain), -ENOTSUP);
	assert_non_null(strstr(log_text, "not supported: PASIDs, by the device or its IOMMU, or by "
			       "this kernel (Linux 6.15 and later)"));
	/* as first: the kernel's own words */
	iommufd_bond_clear(&dev, endpoint, RID);
	endpoint->pasids = true;
	assert_int_equal(iommufd_bond_set(&dev, endpoint, 5, domain), -ENOTSUP);
	/* the number of requests without PASID */
	assert_int_equal(iommufd_bond_set(&dev, endpoint, 0, domain), -EINVAL);
	down();
}

static void
nested(void **state)
{
	struct iommufd_domain *parent, *child;
	void *bare;

	up(0);
	parent = domain_new(UIOMMU_DOMAIN_PAGING, UIOMMU_DOMAIN_NEST_PARENT, NULL);
	child = domain_new(UIOMMU_DOMAIN_NESTED, 0, parent);
	fake.nb_calls = 0;
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, child), 0);
	assert_call(0, IOMMUFD_HWPT_ALLOC, CONTEXT_FD,
		    IOMMUFD_HWPT_NEST_PARENT | IOMMUFD_HWPT_PASID);
	assert_int_equal(fake.calls[0].id, parent->ioas);
	assert_call(1, IOMMUFD_HWPT_ALLOC, CONTEXT_FD,
		    IOMMUFD_HWPT_FAULT_ID_VALID | IOMMUFD_HWPT_PASID);
	assert_int_equal(fake.calls[1].first, IOMMUFD_HWPT_DATA_VTD_S1);
	assert_call(2, IOMMUFD_VFIO_ATTACH, DEVICE_FD, 0);
	assert_true(child->first.pgtbl_addr == 0x5000);
	assert_int_equal(child->first.addr_width, 48);
	/* the parent itself has a table of its own */
	iommufd_bond_clear(&dev, endpoint, RID);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, parent), 0);
	assert_call(4, IOMMUFD_HWPT_ALLOC, CONTEXT_FD,
		    IOMMUFD_HWPT_FAULT_ID_VALID | IOMMUFD_HWPT_PASID);
	assert_int_equal(iommufd_nested_invalidate(&dev, child, 0x1000, 0x2000), 0);
	assert_call(6, IOMMUFD_HWPT_INVALIDATE, CONTEXT_FD, 0);
	fake.fail_request = IOMMUFD_HWPT_INVALIDATE;
	fake.fail_error = -EIO;
	fake.fail_times = 1;
	assert_int_equal(iommufd_nested_invalidate(&dev, child, 0, UINT64_MAX), -EIO);
	iommufd_bond_clear(&dev, endpoint, RID);
	/* and so it has for devices whose tables have no queue, as a parent's has none */
	bare = endpoint_new(ENDPOINT + 1, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS);
	fake.nb_calls = 0;
	assert_int_equal(iommufd_bond_set(&dev, bare, RID, parent), 0);
	assert_call(0, IOMMUFD_HWPT_ALLOC, CONTEXT_FD, IOMMUFD_HWPT_PASID);
	iommufd_endpoint_free(&dev, bare);
	/* another kind of IOMMU */
	endpoint->info_type = IOMMUFD_HW_INFO_ARM_SMMUV3;
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, child), -ENOTSUP);
	assert_non_null(strstr(log_text, "guests' tables for the IOMMU of this device (kind 2)"));
	iommufd_domain_fini(&dev, child);
	iommufd_domain_fini(&dev, parent);
	down();
}

/* --------------------------------------------------------------------- start, stop */

/* Bonds are remembered until the start, and over a stop. */
static void
bonds_wait_for_the_start(void **state)
{
	up(0);
	assert_int_equal(iommufd_stop(&dev), 0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, 5, domain), 0);
	assert_int_equal(fake.nb_calls, 0);
	assert_int_equal(iommufd_start(&dev), 0);
	assert_int_equal(fake.nb_calls, 3);
	iommufd_endpoint_clear(&dev, endpoint);
	assert_int_equal(fake.nb_calls, 5);
	assert_call(4, IOMMUFD_VFIO_DETACH, DEVICE_FD, 0);
	assert_int_equal(iommufd_stop(&dev), 0);
	assert_int_equal(fake.nb_calls, 5);
	iommufd_endpoint_enable(&dev, endpoint);
	assert_int_equal(fake.nb_calls, 5);
	assert_int_equal(iommufd_start(&dev), 0);
	assert_int_equal(fake.nb_calls, 7);
	down();
}

static void
start_rolls_back(void **state)
{
	void *other;
	int times;

	for (times = 0; times < 3; times++) {
		up(0);
		other = endpoint_new(ENDPOINT + 1, 0);
		assert_int_equal(iommufd_stop(&dev), 0);
		assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
		assert_int_equal(iommufd_bond_set(&dev, endpoint, 5, domain), 0);
		assert_int_equal(iommufd_bond_set(&dev, other, RID, domain), 0);
		fake.fail_request = IOMMUFD_VFIO_ATTACH;
		fake.fail_after = (uint32_t)times;
		fake.fail_error = -ENOMEM;
		fake.fail_times = 1;
		assert_int_equal(iommufd_start(&dev), -ENOMEM);
		assert_false(unit->running);
		/* as many detached as were attached: besides the table that is made */
		assert_int_equal(fake.nb_calls, 2 * times + 1 + (times == 0));
		assert_non_null(strstr(log_text, "ulimit -l"));
		assert_int_equal(iommufd_start(&dev), 0);
		iommufd_endpoint_clear(&dev, other);
		iommufd_endpoint_free(&dev, other);
		down();
	}
}

/* The kernel's replace: what it refuses leaves the old one in force. */
static void
replaced(void **state)
{
	struct iommufd_domain *other;

	up(0);
	other = domain_new(UIOMMU_DOMAIN_BLOCKED, 0, NULL);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	fake.nb_calls = 0;
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, other), 0);
	assert_call(0, IOMMUFD_HWPT_ALLOC, CONTEXT_FD,
		    IOMMUFD_HWPT_FAULT_ID_VALID | IOMMUFD_HWPT_PASID);
	assert_call(1, IOMMUFD_VFIO_ATTACH, DEVICE_FD, 0);
	assert_int_equal(fake.nb_calls, 2);
	fake.fail_request = IOMMUFD_VFIO_ATTACH;
	fake.fail_error = -ENOMEM;
	fake.fail_times = 1;
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), -ENOMEM);
	assert_ptr_equal(SLIST_FIRST(&endpoint->bonds)->domain, other);
	assert_true(SLIST_FIRST(&endpoint->bonds)->attached);
	iommufd_bond_clear(&dev, endpoint, RID);
	iommufd_domain_fini(&dev, other);
	down();
}

/* ------------------------------------------------------------------------ notices */

/* The same table once more is no change to the kernel: what was read still waits for an answer. */
static void
same_table_ends_nothing(void **state)
{
	up(0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	fake_raise(endpoint->dev_id, RID, 1);
	assert_int_equal(fetch(8), 1);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	answer(faults, 1, UIOMMU_CODE_INVALID);
	assert_int_equal(stat_get("dead_answers") + stat_get("ended_groups"), 0);
	assert_answered(0, 1, IOMMUFD_RESP_INVALID);
	iommufd_bond_clear(&dev, endpoint, RID);
	down();
}

/* Answers that come after the detach: none is written, so none is refused. */
static void
detach_ends_groups(void **state)
{
	struct uiommu_fault old[8];
	uint32_t i, writes;

	up(0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	for (i = 0; i < 8; i++)
		fake_raise(DEVICE_FD, RID, 1);
	assert_int_equal(fetch(8), 8);
	memcpy(old, faults, sizeof(old));
	iommufd_bond_clear(&dev, endpoint, RID);
	writes = fake.writes;
	answer(old, 8, UIOMMU_CODE_SUCCESS);
	assert_int_equal(fake.writes, writes);
	assert_int_equal(stat_get("ended_groups"), 8);
	assert_int_equal(stat_get("dead_answers"), 8);
	/* those that were raised since, and another device's, live */
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	fake_raise(DEVICE_FD, RID, 1);
	fake_raise(DEVICE_FD + 1, RID, 1);
	assert_int_equal(fetch(8), 2);
	answer(faults, 2, UIOMMU_CODE_SUCCESS);
	assert_answered(8, 2, IOMMUFD_RESP_SUCCESS);
	assert_int_equal(stat_get("refused_answers"), 0);
	down();
}

/* Likewise of groups that are not of one message. */
static void
detach_ends_large_groups(void **state)
{
	up(0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	fake_raise(DEVICE_FD, RID, 3);
	fake_raise(DEVICE_FD, RID, 1);
	assert_int_equal(fetch(8), 4);
	iommufd_bond_clear(&dev, endpoint, RID);
	answer(faults, 4, UIOMMU_CODE_SUCCESS);
	assert_int_equal(stat_get("ended_groups"), 2);
	assert_int_equal(stat_get("dead_answers"), 2);
	down();
}

/* A detach with many groups open: the owner finds them bit by bit, and others need not wait. */
static void
detach_ends_many(void **state)
{
	const uint32_t nb = 2 * IOMMUFD_SLOTS_STEP + 3;
	uint32_t i;

	up(0);
	/* as long as there were few, several are heard of at once */
	for (i = 0; i < 8; i++) {
		assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
		iommufd_bond_clear(&dev, endpoint, RID);
	}
	assert_int_equal(queue->notices.tail - queue->notices.head, 8);
	assert_int_equal(fetch(8), 0);
	assert_int_equal(queue->notices.head, queue->notices.tail);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	for (i = 0; i < nb; i++)
		fake_raise(DEVICE_FD, RID, 1);
	for (i = 0; i < nb;)
		i += fetch(8);
	iommufd_bond_clear(&dev, endpoint, RID);
	for (i = 1; i <= 3; i++) {
		assert_int_equal(fetch(8), 0);
		assert_int_equal(stat_get("ended_groups"), RTE_MIN(nb, i * IOMMUFD_SLOTS_STEP));
	}
	assert_int_equal(queue->notices.head, queue->notices.tail);
	down();
}

/* A detach of one PASID is none of the others; one that the kernel refuses is none at all. */
static void
only_what_was_detached(void **state)
{
	struct uiommu_fault old[2];

	up(0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, 5, domain), 0);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, 6, domain), 0);
	fake_raise(DEVICE_FD + 1, 5, 1);
	fake_raise(DEVICE_FD, 6, 1);
	assert_int_equal(fetch(8), 2);
	memcpy(old, faults, sizeof(old));
	fake.fail_request = IOMMUFD_VFIO_DETACH;
	fake.fail_error = -EIO;
	fake.fail_times = 1;
	iommufd_bond_clear(&dev, endpoint, 6);
	assert_non_null(strstr(log_text, "cannot be detached"));
	/* played for the device as a whole, which is not looked at here */
	fake.fail_times = 1;
	iommufd_bond_clear(&dev, endpoint, 5);
	answer(old, 2, UIOMMU_CODE_SUCCESS);
	assert_answered(0, 2, IOMMUFD_RESP_SUCCESS);
	assert_int_equal(stat_get("ended_groups"), 0);
	down();
}

/*
 * Where the RID is a guest's, what came for a PASID may be either's: nothing is ended by mistake.
 * The kernel knows, and refuses the answers in vain.
 */
static void
uncertain_groups(void **state)
{
	struct iommufd_slots_ended notice = {.dev_id = 0};

	up(0);
	endpoint->had_nested = true;
	assert_true(notice_fill(endpoint, RID, &notice));
	assert_int_equal(notice.pasid, IOMMUFD_SLOT_ANY_PASID);
	endpoint->had_pasids = true;
	assert_true(notice_fill(endpoint, RID, &notice));
	assert_int_equal(notice.pasid, RID);
	assert_false(notice_fill(endpoint, 5, &notice));
	endpoint->had_nested = false;
	assert_true(notice_fill(endpoint, 5, &notice));
	assert_int_equal(notice.pasid, 5);
	down();
}

/* More detaches than fit until the owner looks: the rest costs writes in vain. */
static void
notices_that_do_not_fit(void **state)
{
	uint32_t i;

	up(0);
	fake_raise(DEVICE_FD, RID, 1);
	assert_int_equal(fetch(8), 1);
	for (i = 0; i < IOMMUFD_NOTICES + 3; i++) {
		assert_int_equal(iommufd_bond_set(&dev, endpoint, 5, domain), 0);
		iommufd_bond_clear(&dev, endpoint, 5);
	}
	assert_int_equal(queue->notices.tail, IOMMUFD_NOTICES);
	assert_int_equal(iommufd_bond_set(&dev, endpoint, RID, domain), 0);
	iommufd_bond_clear(&dev, endpoint, RID);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	assert_int_equal(stat_get("refused_answers"), 1);
	assert_answered(0, 1, IOMMUFD_RESP_SUCCESS);
	down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attach_and_detach),
		cmocka_unit_test(without_requests),
		cmocka_unit_test(tables_are_tried),
		cmocka_unit_test(old_kernel),
		cmocka_unit_test(nested),
		cmocka_unit_test(bonds_wait_for_the_start),
		cmocka_unit_test(start_rolls_back),
		cmocka_unit_test(replaced),
		cmocka_unit_test(same_table_ends_nothing),
		cmocka_unit_test(detach_ends_groups),
		cmocka_unit_test(detach_ends_large_groups),
		cmocka_unit_test(detach_ends_many),
		cmocka_unit_test(only_what_was_detached),
		cmocka_unit_test(uncertain_groups),
		cmocka_unit_test(notices_that_do_not_fit),
	};

	return cmocka_run_group_tests_name("iommufd_bond", tests, NULL, NULL);
}
