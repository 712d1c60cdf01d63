/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: references and release. They are made in typed.c. */
#include "config/conn.h"

#include "base/diag.h"
#include "base/log.h"

#include <stdlib.h>

struct conf_conn *conf_conn_ref(struct conf_conn *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

static void strings_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

static void props_free(struct suite_prop **v, uint16_t n)
{
	struct suite_list l = { v, n };

	suite_list_fini(&l);
}

static void child_free(struct conf_child *c)
{
	if (!c)
		return;
	props_free(c->props, c->n_props);
	free(c->local_ts);
	free(c->remote_ts);
	free(c->updown);
	free(c->lacks);
	secret_fini(&c->fixed.keys);
	free(c->inject.next_hop);
	free(c->name);
	free(c);
}

static void blobs_free(struct conf_blob *v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		free(v[i].p);
	free(v);
}

static void auths_free(struct conf_auth *v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		conf_id_fini(&v[i].id);
		conf_id_fini(&v[i].ca_id);
		blobs_free(v[i].certs, v[i].n_certs);
		blobs_free(v[i].cacerts, v[i].n_cacerts);
		blobs_free(v[i].pubkeys, v[i].n_pubkeys);
		free(v[i].cert_map);
		strings_free(v[i].policies);
		strings_free(v[i].groups);
		free(v[i].sigs.text);
		free(v[i].sigs.v);
		free(v[i].name);
		free(v[i].method);
	}
	free(v);
}

void conf_conn_unref(struct conf_conn **ref)
{
	struct conf_conn *c = *ref;

	*ref = NULL;
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint16_t i = 0; i < c->n_children; i++)
		child_free(c->children[i]);
	free(c->children);
	auths_free(c->local, c->n_local);
	auths_free(c->remote, c->n_remote);
	props_free(c->props, c->n_props);
	strings_free(c->local_texts);
	strings_free(c->remote_texts);
	strings_free(c->vips);
	strings_free(c->pools);
	free(c->redirect_gateway);
	free(c->ppk_id);
	strings_free(c->vif.addr_texts);
	free(c->vif.addrs);
	free(c->vif.bits);
	free(c->vif.netns);
	free(c->local_addrs);
	free(c->local_nets);
	free(c->remote_nets);
	free(c->remote_addrs);
	if (c->source)
		explicit_bzero(c->source, c->source_n); /* keys of static SAs */
	free(c->source);
	free(c->name);
	diag_free(&c->remarks);
	free(c);
}

void conf_log_remarks(struct log *log, const struct conf_conn *c)
{
	char buf[1024];

	for (struct diag one, *d = c->remarks; d; d = d->next) {
		one = *d;
		one.next = NULL;
		LOGF(log, LOG_CONFIG, LOG_CONTROL, &(struct log_ctx){ .conn = c->name }, "warning: connection '%s': %s", c->name,
			diag_text(&one, d->code, buf, sizeof buf));
	}
}

const struct conf_child *conf_conn_child(const struct conf_conn *c, const char *name)
{
	for (uint16_t i = 0; i < c->n_children; i++)
		if (strcmp(c->children[i]->name, name) == 0)
			return c->children[i];
	return NULL;
}
