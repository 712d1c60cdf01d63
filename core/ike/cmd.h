/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and who waits for them. Inside of core/ike; the entries are in ike/engine.h. */
#ifndef ADIT_IKE_CMD_H
#define ADIT_IKE_CMD_H

#include "ike/engine_int.h"

MUST err_t cmds_new(struct ike_engine *e);
void cmds_free(struct ike_engine *e);

#endif
