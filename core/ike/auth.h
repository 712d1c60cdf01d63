/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of IKE_AUTH, both roles; the first child SA is the child part's task. Inside of core/ike. */
#ifndef ADIT_IKE_AUTH_H
#define ADIT_IKE_AUTH_H

#include "ike/engine_int.h"

/* IDi, IDr; the responder chooses its connection by them. */
extern const struct task_ops task_ident;
/* AUTH by shared secret (RFC 7296 section 2.15, method 2). */
extern const struct task_ops task_auth;
/* INITIAL_CONTACT, one IKE SA per pair of identities (conn->unique), and what follows when the SA is up. */
extern const struct task_ops task_contact;

#endif
