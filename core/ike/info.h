/* SPDX-License-Identifier: Apache-2.0 */
/* INFORMATIONAL: deletes of the IKE SA, liveness, notifies; what errors of the peer mean. Inside of core/ike. */
#ifndef ADIT_IKE_INFO_H
#define ADIT_IKE_INFO_H

#include "ike/engine_int.h"

extern const struct task_ops task_ike_delete;
extern const struct task_ops task_info;

/* What is said when the exchange x ends the SA; static. */
const char *info_end_text(const struct ike_xch *x);
/* The answer to IKE_AUTH failed on our side after the peer has its SA: tells it (RFC 7296 section 2.21.2). */
void info_auth_failed(struct ike_xch *x);
/* Logs an error notify of the peer: name, meaning, remedy. */
void info_log_error(struct ike_xch *x, const struct wire_notify *n);

#endif
