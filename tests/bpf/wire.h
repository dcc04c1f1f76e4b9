/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's programs on its interfaces. Frames go in and come out at the far ends of the veth pairs, which lie in a namespace of
 * their own. What the sender or the receiver leaves to the device (CHECKSUM_PARTIAL) is asked for and seen by packet sockets'
 * virtio header.
 */
#ifndef WR_TESTS_BPF_WIRE_H
#define WR_TESTS_BPF_WIRE_H

#include "tests/bpf/lab.h"

#define WIRE_SEGMENT 1400 /* payload of each */

struct wire {
	struct lab *lab;
	int pod[8]; /* sockets at the far ends */
	int uplink;
};

/*
 * Everything up and attached. The uplink sums nothing up for us, as many a real device. Once for
 * a group of tests: the programs stay.
 */
void wire_open(struct wire *w, struct lab *lab);
void wire_close(struct wire *w);
/* Outside is behind a router whose MAC is known. lab_open forgets it. */
void wire_outside(struct wire *w);
/*
 * @partial: the transport's sum, of TCP or UDP, is left to the device. So is it to cut what is larger than the MTU, TCP only, into
 * segments.
 */
void wire_send(int at, const struct packet *p, bool partial);
/* The next frame of IP that is no group's; false: none within two seconds. A sum that is still to be made is made. */
bool wire_receive(int at, struct packet *ret, bool *ret_partial);

#endif
