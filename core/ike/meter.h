/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine counts by kind and result, for metrics: set-ups, exchanges, traffic of child SAs that are gone (so that
 * sums never go back when an SA is rekeyed). Inside of core/ike; what others see is in engine.h. Owner thread of the engine.
 */
#ifndef ADIT_IKE_METER_H
#define ADIT_IKE_METER_H

#include "ike/engine_int.h"

struct child_sa;

MUST err_t meters_new(struct ike_engine *e);
void meters_free(struct ike_engine *e);
/* An IKE SA came up for the first time (0), or will not. */
void meter_setup(struct ike_engine *e, const struct ike_sa *sa, err_t result);
/* An exchange ended; the role is that of the exchange. */
void meter_exchange(const struct ike_xch *x, err_t result);
/* What the data plane says of one direction of a child; what it said last when it says nothing any more. False: nothing
 * was ever heard. */
bool meter_usage(struct ike_engine *e, struct child_sa *c, uint8_t dir, struct kern_usage *out);
/* One direction of a child is about to go: its traffic counts for its connection and for all together. */
void meter_traffic(struct ike_engine *e, struct child_sa *c, uint8_t dir);
/* Of a connection, or of all (NULL); counts.c. */
struct ike_traffic *counts_traffic(struct ike_engine *e, const char *conn);

#endif
