/* SPDX-License-Identifier: Apache-2.0 */
/* Methods for shared secrets. They go in and never come out. Keys and certificates are m_certs.c. */
#include "api/server/internal.h"

#include "config/store.h"
#include "config/value.h"

#include <ctype.h>
#include <strings.h>

/* With more connections than that, a new secret is not compared with what each would negotiate. */
enum { OWNERS_MAX = 64, WEAK_CONNS_MAX = 256, WEAK_BITS = 112 };

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

/* Is it weaker than a connection that would use it wants, or weaker than everything? One sentence. */
static bool weak_text(const struct api_call *call, const char *id, slice data, slice remote, char *buf, size_t cap)
{
	const struct conf_store *s = call->s->env.store;
	unsigned bits = conf_psk_bits(data);
	uint64_t cursor = 0;

	bits = remote.n && conf_psk_bits(remote) < bits ? conf_psk_bits(remote) : bits;
	if (bits < WEAK_BITS) {
		snprintf(buf, cap, "the shared secret '%s' is weak: about %u bits; take %u random characters or more (adit-pki psk)",
			 unnamed(id) ? "" : id, bits, conf_psk_chars(128));
		return true;
	}
	for (const struct conf_conn *c; conf_store_count(s) <= WEAK_CONNS_MAX && (c = conf_store_next(s, &cursor));)
		if (conf_psk_weak(c, conf_store_secrets(call->s->env.store), id, buf, cap))
			return true;
	return false;
}

/* "data" or "remote-data" as "encoding" says. */
static err_t bytes_of(const struct api_call *call, const char *key, struct secret *out, struct diag **why)
{
	static const struct {
		const char *word, *prefix;
	} forms[] = { { "raw", "" }, { "hex", "0x" }, { "base64", "0s" } };
	char word[16] = "raw", text[8192];
	size_t i = 0;
	slice v;

	if (!vici_find(call->body, key, &v))
		return 0;
	if (!api_arg(call, "encoding", word, sizeof word))
		strcpy(word, "raw");
	while (i < ARRAY_LEN(forms) && strcasecmp(word, forms[i].word) != 0)
		i++;
	if (i == 0)
		return secret_copy(out, v);
	if (i == ARRAY_LEN(forms))
		return diag_set(why, E_BAD_VALUE, "the encoding of a secret is raw, hex or base64, not '%s'", word);
	if (v.n + 3 > sizeof text)
		return diag_set(why, E_LIMIT, "a secret has at most %zu letters", sizeof text - 3);
	bool has = v.n >= 2 && v.p[0] == '0' && (v.p[1] | 0x20) == forms[i].prefix[1];
	size_t n = has ? 0 : 2;
	memcpy(text, forms[i].prefix, n);
	if (v.n)
		memcpy(text + n, v.p, v.n);
	err_t err = conf_value_secret(slice_of(text, n + v.n), out);
	mem_wipe(text, sizeof text);
	return err == E_BAD_VALUE ? diag_set(why, err, "'%s' is not %s", key, i == 1 ? "hexadecimal" : "base64") : err;
}

void api_do_load_shared(struct api_call *call)
{
	static const char *const types[] = { "IKE", "EAP", "XAUTH", "NTLM", "PPK" };
	char id[128], type[16];
	struct conf_id owners[OWNERS_MAX];
	size_t n_owners = 0;
	struct secret data = { 0 }, remote = { 0 };
	char warning[400] = "";
	struct diag *why = NULL;
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
	err = bytes_of(call, "data", &data, &why);
	if (!err)
		err = bytes_of(call, "remote-data", &remote, &why);
	bool ike = !strcmp(type, "IKE");
	if (!err && !data.n)
		err = diag_set(&why, E_BAD_VALUE, "shared key data missing: the secret is empty");
	if (!err && !ike && remote.n)
		err = diag_set(&why, E_BAD_VALUE, "'remote-data' is for secrets of type IKE");
	if (!err)
		err = conf_secrets_add(secrets(call), id, type, owners, n_owners, &data, &remote);
	struct conf_secret_view v;
	if (!err && ike && conf_secrets_find(secrets(call), id, &v))
		(void)weak_text(call, id, v.data, v.remote, warning, sizeof warning);
out:
	for (size_t i = 0; i < n_owners; i++)
		conf_id_fini(&owners[i]);
	secret_fini(&data);
	secret_fini(&remote);
	if (err) {
		api_fail(call, err, why);
		return;
	}
	LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, NULL, "loaded %s secret '%s' for %zu owners", type, id, n_owners);
	if (warning[0])
		LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, NULL, "%s", warning);
	api_ok_warning(call, warning);
}

void api_do_unload_shared(struct api_call *call)
{
	char id[128];
	if (!api_arg(call, "id", id, sizeof id))
		id[0] = 0;
	if (conf_secrets_del(secrets(call), id))
		api_ok(call);
	else
		api_failf(call, E_NOT_FOUND, "there is no shared secret '%s'", id);
}

void api_do_get_shared(struct api_call *call)
{
	struct vici_out o;
	api_response(&o);
	vici_list(&o, "keys");
	const char *id;
	struct conf_secret_view v;
	for (size_t i = 0; (id = conf_secrets_at(secrets(call), i)); i++)
		if (!unnamed(id) && conf_secrets_find(secrets(call), id, &v) && !conf_secret_is_key(v.type))
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
