/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Areas of an address space, in a treap: a search tree by address that is a heap by random
 * priorities, and so balanced whatever order areas come in.
 */

#include "iommufd_model.h"

struct iommufd_model_area *
iommufd_model_area_first(struct iommufd_model_area *root, uint64_t first, uint64_t last)
{
	struct iommufd_model_area *found = NULL;

	while (root != NULL) {
		if (root->last < first) {
			root = root->right;
			continue;
		}
		if (root->first <= last)
			found = root;
		root = root->left;
	}
	return found;
}

/* Everything below an address to the left, the rest to the right. */
static void
split(struct iommufd_model_area *root, uint64_t at, struct iommufd_model_area **left,
      struct iommufd_model_area **right)
{
	while (root != NULL)
		if (root->first < at) {
			*left = root;
			left = &root->right;
			root = root->right;
		} else {
			*right = root;
			right = &root->left;
			root = root->left;
		}
	*left = NULL;
	*right = NULL;
}

void
iommufd_model_area_insert(struct iommufd_model_area **root, struct iommufd_model_area *area)
{
	while (*root != NULL && (*root)->priority >= area->priority)
		root = (*root)->first < area->first ? &(*root)->right : &(*root)->left;
	split(*root, area->first, &area->left, &area->right);
	*root = area;
}

/* @param left all of it below all of right */
static void
join(struct iommufd_model_area **root, struct iommufd_model_area *left,
     struct iommufd_model_area *right)
{
	while (left != NULL && right != NULL)
		if (left->priority >= right->priority) {
			*root = left;
			root = &left->right;
			left = left->right;
		} else {
			*root = right;
			root = &right->left;
			right = right->left;
		}
	*root = left != NULL ? left : right;
}

void
iommufd_model_area_remove(struct iommufd_model_area **root, struct iommufd_model_area *area)
{
	while (*root != area)
		root = (*root)->first < area->first ? &(*root)->right : &(*root)->left;
	join(root, area->left, area->right);
}
