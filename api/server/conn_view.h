/* SPDX-License-Identifier: Apache-2.0 */
/* A connection as `list-conn` shows it. Loop thread. */
#ifndef ADIT_API_CONN_VIEW_H
#define ADIT_API_CONN_VIEW_H

#include "api/vici/vici.h"
#include "config/conn.h"

/* A section with the connection's name. */
void api_put_conn(struct vici_out *o, const struct conf_conn *c);

#endif
