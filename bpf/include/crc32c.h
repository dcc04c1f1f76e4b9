/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * SCTP's checksum after a change of the ports. CRC32c is linear: changing bits of a message changes the sum by the sum
 * of these bits followed by zeroes, that is by the bits times x^(8n) modulo the polynomial, n bytes before the end.
 */
#ifndef WR_BPF_CRC32C_H
#define WR_BPF_CRC32C_H

#include "bpf/include/bpf.h"

#define CRC32C_POLY 0x82f63b78u /* bits reversed, as all here: x^0 is the highest bit */

/* x^(8 * v * 16^j): four factors make any length that a packet can have. */
static const __u32 crc32c_powers[4][16] = {
	{
		0x80000000,
		0x00800000,
		0x00008000,
		0x00000080,
		0x82f63b78,
		0xfbc3faf9,
		0x8b277743,
		0x52a0c93f,
		0x6ea2d55c,
		0x1c08b7d6,
		0xf56e0ef4,
		0x34019664,
		0xa66805eb,
		0x7a1f6b24,
		0xe75d06aa,
		0xc94ec098,
	},
	{
		0x80000000,
		0x18b8ea18,
		0x510ac59a,
		0xb2dea967,
		0xb82be955,
		0x36c41f1c,
		0x19b29a35,
		0xc9e90b9e,
		0xb8fdb1e7,
		0xe55ef1f3,
		0x1fe0b5c3,
		0xe0553f1e,
		0x18e4a304,
		0x2b830011,
		0x56993a31,
		0x0246e2e6,
	},
	{
		0x80000000,
		0x88e56f72,
		0x74c360a4,
		0x631bb273,
		0xe4172b16,
		0x71892b1b,
		0x835305c9,
		0x196b1eae,
		0x0d65762a,
		0xafc81338,
		0xb5a50ab7,
		0xf373c3ac,
		0x5f60970f,
		0xd46d3063,
		0x3a5275ea,
		0x02331c01,
	},
	{
		0x80000000,
		0x35d73a62,
		0x28461564,
		0x43eefc9f,
		0xbf455269,
		0x5edcdeb9,
		0x65059450,
		0x4e6f41a4,
		0xe2ea32dc,
		0xf5b95b32,
		0x695a4c87,
		0xf204502c,
		0x9a4f01b6,
		0x941a0916,
		0x4303cb97,
		0x4c3d3d65,
	},
};

/* Product of two polynomials. */
WR_GLOBAL __u32 wr_crc32c_mul(__u32 a, __u32 b)
{
	__u32 sum = 0;
	int i;

	for (i = 0; i < 32; i++) {
		sum ^= b & -(a >> 31);
		a <<= 1;
		b = b >> 1 ^ (CRC32C_POLY & -(b & 1));
	}
	return sum;
}

/* What the sum of a message of @n bytes changes by when its first 4 bytes change by @bits (little endian). */
static __always_inline __u32 wr_crc32c_change(__u32 bits, __u32 n)
{
	__u32 j;

	for (j = 0; j < 4; j++)
		bits = wr_crc32c_mul(bits, crc32c_powers[j][n >> (4 * j) & 15]);
	return bits;
}

#endif
