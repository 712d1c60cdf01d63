/* SPDX-License-Identifier: Apache-2.0 */
/* Methods for shared secrets. They go in and never come out. Keys and certificates are m_certs.c. */
#include "api/server/internal.h"

#include "config/store.h"

#include <ctype.h>

enum { OWNERS_MAX = 64 };

/* Ids that clients did not give: such a secret stays until clear-creds and is not listed. */
#define UNNAMED "%unnamed-"

static bool unnamed(const char *id)
{
	return !strncmp(id, UNNAMED, sizeof UNNAMED - 1);
}

static struct conf_secrets *secrets(const struct api_call *call)
{
	return conf_store_secrets(call->s->env.store);
}

static err_t owners_of(const struct api_call *call, struct conf_id *ids, size_t *n, struct diag **why)
{
	size_t cursor = 0;
	slice v;
	for (*n = 0; vici_find_item(call->body, "owners", &cursor, &v); ++*n) {
		char text[1024];
		if (*n == OWNERS_MAX)
			return diag_set(why, E_LIMIT, "more than %d owners of one secret", OWNERS_MAX);
		if (v.n >= sizeof text || (v.n && memchr(v.p, 0, v.n)))
			return diag_set(why, E_BAD_VALUE, "an owner is longer than %zu bytes or holds a zero byte", sizeof text - 1);
		if (v.n)
			memcpy(text, v.p, v.n);
		text[v.n] = 0;
		err_t err = conf_id_parse(text, &ids[*n]);
		if (err)
			return diag_set(why, err, "owner '%s' is no identity", text);
	}
	return 0;
}

void api_do_load_shared(struct api_call *call)
{
	static const char *const types[] = { "IKE", "EAP", "XAUTH", "NTLM", "PPK" };
	char id[128], type[16];
	struct conf_id owners[OWNERS_MAX];
	size_t n_owners = 0;
	struct secret data = { 0 };
	struct diag *why = NULL;
	slice v;
	bool known = false;
	err_t err;

	if (!api_arg(call, "type", type, sizeof type))
		type[0] = 0;
	for (char *p = type; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		known |= !strcmp(type, types[i]);
	if (!known) {
		err = diag_set(&why, E_BAD_VALUE, "the type of a secret is IKE, EAP, XAUTH, NTLM or PPK, not '%s'", type);
		goto out;
	}
	if (!api_arg(call, "id", id, sizeof id))
		snprintf(id, sizeof id, "%s%llu", UNNAMED, (unsigned long long)call->s->next_cmd++);
	err = owners_of(call, owners, &n_owners, &why);
	if (err)
		goto out;
	err = vici_find(call->body, "data", &v) ? secret_copy(&data, v) : E_BAD_VALUE;
	if (!err)
		err = conf_secrets_add(secrets(call), id, type, owners, n_owners, &data);
out:
	for (size_t i = 0; i < n_owners; i++)
		conf_id_fini(&owners[i]);
	secret_fini(&data);
	if (err) {
		api_fail(call, err, why);
		return;
	}
	LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, NULL, "loaded %s secret '%s' for %zu owners", type, id, n_owners);
	api_ok(call);
}

void api_do_unload_shared(struct api_call *call)
{
	char id[128];
	if (api_arg(call, "id", id, sizeof id) && conf_secrets_del(secrets(call), id))
		api_ok(call);
	else
		api_failf(call, E_NOT_FOUND, "there is no secret of this id");
}

void api_do_get_shared(struct api_call *call)
{
	struct vici_out o;
	api_response(&o);
	vici_list(&o, "keys");
	const char *id;
	for (size_t i = 0; (id = conf_secrets_at(secrets(call), i)); i++)
		if (!unnamed(id))
			vici_item_str(&o, id);
	vici_list_end(&o);
	api_reply(call, &o);
}

void api_do_clear_creds(struct api_call *call)
{
	const struct api_creds *c = call->s->env.creds;

	conf_secrets_clear(secrets(call));
	if (c)
		c->clear(call->s->env.arg);
	LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, NULL, "all secrets, keys and certificates that were loaded are cleared");
	api_ok(call);
}
