/* SPDX-License-Identifier: Apache-2.0 */
/* Hash chains through arrays whose elements are numbers: four bytes a head, four a link. */
#include <stdlib.h>

#include "lib/dp/svc_private.h"

#define FIRST_SIZE 256u

bool svc_index_full(const struct svc_index *ix)
{
	return !ix->heads || ix->n > ix->mask;
}

struct svc_index svc_index_grow(struct svc_index *ix)
{
	struct svc_index old = *ix;
	uint32_t size = old.heads ? 2 * (old.mask + 1) : FIRST_SIZE;

	ix->heads = wr_xcalloc(size, sizeof(*ix->heads));
	ix->mask = size - 1;
	ix->n = 0;
	return old;
}

void svc_index_add(struct svc_index *ix, uint32_t hash, uint32_t element, uint32_t *next)
{
	uint32_t *head = &ix->heads[hash & ix->mask];

	*next = *head - 1; /* empty becomes SVC_NONE */
	*head = element + 1;
	ix->n++;
}

uint32_t svc_index_first(const struct svc_index *ix, uint32_t hash)
{
	return ix->heads ? ix->heads[hash & ix->mask] - 1 : SVC_NONE;
}

uint32_t *svc_index_head(struct svc_index *ix, uint32_t hash)
{
	return &ix->heads[hash & ix->mask];
}
