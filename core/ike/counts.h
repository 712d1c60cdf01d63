/* SPDX-License-Identifier: Apache-2.0 */
/* swanctl's counters, of all connections and of each. Inside of core/ike. */
#ifndef ADIT_IKE_COUNTS_H
#define ADIT_IKE_COUNTS_H

#include "ike/engine_int.h"

MUST err_t counts_new(struct ike_engine *e);
void counts_free(struct ike_engine *e);

#endif
