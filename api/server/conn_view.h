/* SPDX-License-Identifier: Apache-2.0 */
/* A connection as `list-conn` shows it. Loop thread. */
#ifndef ADIT_API_CONN_VIEW_H
#define ADIT_API_CONN_VIEW_H

#include "api/vici/vici.h"
#include "config/conn.h"

struct api_env;

/* A section with the connection's name. */
void api_put_conn(struct vici_out *o, const struct api_env *env, const struct conf_conn *c);
/* Selectors as configured: "dynamic" where the tunnel's end or a virtual address will stand. */
void api_put_conf_ts(struct vici_out *o, const char *list, const struct conf_ts *ts, size_t n);

#endif
