/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the client library: what is behind struct adit_msg. */
#ifndef ADIT_API_CLIENT_MSG_H
#define ADIT_API_CLIENT_MSG_H

#include "api/client/client.h"

struct adit_msg {
	struct vici_out o; /* body alone */
};

#endif
