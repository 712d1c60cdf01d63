/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a data plane, one row each. A row's function does it and looks whether it has worked; a plane that does
 * not declare the row's capabilities has to refuse at the same call, with a sentence. Whatever a row has added and not
 * taken away, the caller removes.
 */
#ifndef ADIT_CONTRACT_ROWS_H
#define ADIT_CONTRACT_ROWS_H

#include "tests/contract/lab.h"

enum { ROW_QUIET_MS = 250, ROW_PACKETS = 3 };

/* ---- row_packets.c ---- */

/* Notes it when not all have arrived. */
bool want(struct lab *l, int from, unsigned got, unsigned n);
/* ROW_PACKETS from each side; true at once for a plane that moves none. */
bool both_ways(struct lab *l, struct talk t);
/* From A; does the first packet come over the wire as ESP or AH? *p: its frame; *got how many arrived, or NULL. */
bool seen(struct lab *l, struct talk t, uint8_t *p, size_t *n, unsigned *got);
/* B's end of a policy is this. */
void narrow(struct kern_policy *p, int side, const char *b);
/* An SA's limits, the replay window, forgeries, the outer header, moving and what chooses an SA: row_sa.c; policies:
 * row_policy.c; errors and the end: row_end.c. */
bool r_tunnel(struct lab *l, const struct row *r);
bool r_mixed(struct lab *l, const struct row *r);
bool r_mode(struct lab *l, const struct row *r);
bool r_encap(struct lab *l, const struct row *r);
bool r_ah(struct lab *l, const struct row *r);
bool r_esn(struct lab *l, const struct row *r);
bool r_sha256_96(struct lab *l, const struct row *r);
bool r_ipcomp(struct lab *l, const struct row *r);
bool r_bad_algorithm(struct lab *l, const struct row *r);
bool r_window(struct lab *l, const struct row *r);
bool r_forged(struct lab *l, const struct row *r);
bool r_time(struct lab *l, const struct row *r);
bool r_volume(struct lab *l, const struct row *r);
bool r_trap(struct lab *l, const struct row *r);
bool r_mapping(struct lab *l, const struct row *r);
bool r_if_id(struct lab *l, const struct row *r);
bool r_mark(struct lab *l, const struct row *r);
bool r_set_mark(struct lab *l, const struct row *r);
bool r_mark_sa(struct lab *l, const struct row *r);
bool r_pass(struct lab *l, const struct row *r);
bool r_drop(struct lab *l, const struct row *r);
bool r_uses(struct lab *l, const struct row *r);
bool r_port(struct lab *l, const struct row *r);
bool r_port_range(struct lab *l, const struct row *r);
bool r_addr_range(struct lab *l, const struct row *r);
bool r_interface(struct lab *l, const struct row *r);
bool r_bare(struct lab *l, const struct row *r);
bool r_header(struct lab *l, const struct row *r);
bool r_tfc(struct lab *l, const struct row *r);
bool r_offload(struct lab *l, const struct row *r);
bool r_move(struct lab *l, const struct row *r);
bool r_errors(struct lab *l, const struct row *r);
bool r_foreign(struct lab *l, const struct row *r);
bool r_stop(struct lab *l, const struct row *r);
bool r_keep(struct lab *l, const struct row *r);

#endif
