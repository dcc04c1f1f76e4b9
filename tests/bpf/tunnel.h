/* SPDX-License-Identifier: Apache-2.0 */
/* Packets with the metadata that the VXLAN device gives them. */
#ifndef WR_TESTS_BPF_TUNNEL_H
#define WR_TESTS_BPF_TUNNEL_H

#include "tests/bpf/lab.h"

/* Comes in a tunnel from the node with the address @outer; the verdict of overlay_ingress. */
int lab_from_tunnel(struct lab *lab, const char *outer, const struct packet *in);

#endif
