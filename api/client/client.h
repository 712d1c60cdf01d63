/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the client library. */
#ifndef ADIT_API_CLIENT_H
#define ADIT_API_CLIENT_H

#include "api/client/adit_api.h"
#include "api/vici/vici.h"

#define PUBLIC __attribute__((visibility("default")))

/* The tree of a body; NULL: malformed or out of memory. */
struct adit_node *node_from(slice body);

#endif
