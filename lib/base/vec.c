/* SPDX-License-Identifier: Apache-2.0 */
/* Growth of typed arrays. */
#include "lib/base/vec.h"

void wr_vec_reserve_(void **v, size_t *cap, size_t n, size_t size)
{
	size_t want;

	if (n <= *cap)
		return;
	want = *cap + *cap / 2;
	if (want < n)
		want = n;
	*v = wr_xrealloc(*v, want, size);
	*cap = want;
}
