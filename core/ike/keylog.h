/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in the log, at level 4, which no sink gets unless aditd.log_secrets allows it: to decrypt what was captured. Inside of
 * core/ike. */
#ifndef ADIT_IKE_KEYLOG_H
#define ADIT_IKE_KEYLOG_H

#include "ike/engine_int.h"

/* The keys of an IKE SA have been made. */
void keylog_ike(struct ike_engine *e, const struct ike_sa *sa, const struct ike_keys *keys);
/* Those of a child SA; ours: we began the exchange that made it. */
void keylog_child(struct ike_engine *e, const struct ike_sa *sa, const char *name, uint32_t spi_in, uint32_t spi_out, bool ours,
	const struct child_keys *keys);

#endif
