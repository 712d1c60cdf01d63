/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the laboratory share. */
#ifndef ADIT_TESTS_EXCHANGE_LAB_INT_H
#define ADIT_TESTS_EXCHANGE_LAB_INT_H

#include "tests/exchange/lab.h"

/* lab_plane.c: one data plane that keeps books. */
struct lab_sa *plane_sa(struct lab_node *n, uint8_t dir, uint32_t spi);
err_t plane_submit(struct lab_node *n, const struct kern_op *ops, size_t n_ops);
err_t plane_usage(void *arg, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out);
void plane_check_gap(struct lab *lab);

/* lab_conf.c: the address node 0 is seen with behind its NAT. */
extern struct net_addr lab_nat_addr;

#endif
