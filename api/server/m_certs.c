/* SPDX-License-Identifier: Apache-2.0 */
/* Methods for certificates, private keys and authorities. Private keys go in and never come out. */
#include "api/server/internal.h"

#include "config/tree.h"
#include "plugin/abi_cred.h"

#include <time.h>

static const struct api_creds *creds(const struct api_call *call)
{
	return call->s->env.creds;
}

static bool missing(struct api_call *call)
{
	if (creds(call))
		return false;
	api_failf(call, E_NOT_SUPPORTED, "nothing that is loaded reads certificates (plugin x509)");
	return true;
}

/* ---- certificates ---------------------------------------------------------------------------------------------------- */

/* Words for types in requests, upper or lower case: those of list-cert, and the older ones that say the flag as well. */
static const struct type_word {
	const char *word, *type, *flag;
} type_words[] = {
	{ "any", "ANY", NULL }, { "x509", "X509", NULL }, { "x509ca", "X509", "CA" }, { "x509aa", "X509", "AA" },
	{ "x509ocsp", "X509", "OCSP" }, { "x509_ac", "X509_AC", NULL }, { "x509ac", "X509_AC", NULL }, { "x509_crl", "X509_CRL", NULL },
	{ "x509crl", "X509_CRL", NULL }, { "ocsp_response", "OCSP_RESPONSE", NULL }, { "x509_ocsp_response", "OCSP_RESPONSE", NULL },
	{ "pubkey", "PUBKEY", NULL }, { "trusted_pubkey", "PUBKEY", NULL },
};
static const char *const flag_words[] = { "NONE", "CA", "AA", "OCSP", "ANY" };

/* The arguments "type" and "flag", canonical; NULL when they are not given. False: one is wrong, and that was said. */
static bool type_and_flag(struct api_call *call, const char **type, const char **flag)
{
	char text[128];

	*type = *flag = NULL;
	if (api_arg(call, "type", text, sizeof text)) {
		for (size_t i = 0; i < ARRAY_LEN(type_words) && !*type; i++)
			if (strcasecmp(type_words[i].word, text) == 0) {
				*type = type_words[i].type;
				*flag = type_words[i].flag;
			}
		if (!*type) {
			api_failf(call, E_BAD_VALUE, "invalid certificate type '%s': X509, X509_AC, X509_CRL, OCSP_RESPONSE, PUBKEY or ANY "
				"is expected", text);
			return false;
		}
	}
	if (!api_arg(call, "flag", text, sizeof text))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(flag_words); i++)
		if (strcasecmp(flag_words[i], text) == 0) {
			*flag = flag_words[i];
			return true;
		}
	api_failf(call, E_BAD_VALUE, "invalid certificate flag '%s': NONE, CA, AA, OCSP or ANY is expected", text);
	return false;
}

void api_do_load_cert(struct api_call *call)
{
	const char *type, *flag;
	struct diag *why = NULL;
	slice data = SLICE_NONE;

	if (missing(call) || !type_and_flag(call, &type, &flag))
		return;
	vici_find(call->body, "data", &data);
	err_t e = creds(call)->load_cert(call->s->env.arg, type ? type : "X509", flag ? flag : "NONE", data, &why);
	if (e)
		api_fail(call, e, why);
	else
		api_ok(call);
}

static bool word_fits(const char *want, const char *have)
{
	return !want || strcmp(want, "ANY") == 0 || strcmp(want, have) == 0;
}

/* As strongSwan writes the times of public keys. */
static void put_time(struct vici_out *o, const char *key, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;
	char text[64];

	if (at && gmtime_r(&t, &tm) && strftime(text, sizeof text, "%b %d %H:%M:%S UTC %Y", &tm))
		vici_kv_str(o, key, text);
}

static bool step_certs(struct api_call *call)
{
	char subject[4097];
	const char *type, *flag;
	struct api_cert c;
	struct vici_out o;

	if (!creds(call) || !type_and_flag(call, &type, &flag) || !creds(call)->cert_next(call->s->env.arg, &call->cursor, &c))
		return false;
	if (!word_fits(type, c.type) || (c.flag && !word_fits(flag, c.flag)) ||
	    (api_arg(call, "subject", subject, sizeof subject) && *subject && strcmp(subject, c.subject) != 0))
		return true;
	api_event_start(&o, API_E_LIST_CERT);
	vici_kv_str(&o, "type", c.type);
	if (c.flag)
		vici_kv_str(&o, "flag", c.flag);
	if (c.has_key)
		vici_kv_str(&o, "has_privkey", "yes");
	vici_kv(&o, "data", c.der);
	if (strcmp(c.type, "PUBKEY") == 0) {
		if (*c.subject)
			vici_kv_str(&o, "subject", c.subject);
		put_time(&o, "not-before", c.not_before);
		put_time(&o, "not-after", c.not_after);
	}
	api_event_to(call, &o, API_E_LIST_CERT);
	return true;
}

void api_do_list_certs(struct api_call *call)
{
	const char *type, *flag;

	if (type_and_flag(call, &type, &flag))
		api_stream(call, step_certs);
}

/* ---- what there is, and where ------------------------------------------------------------------------------------------ */

static const char *const kinds[API_CREDENTIAL_KINDS] = { [API_CERTS] = "certs", [API_CRLS] = "crls", [API_KEYS] = "keys",
	[API_SECRETS] = "secrets" };

static void put_rfc3339(struct vici_out *o, const char *key, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;
	char text[64];

	if (at && gmtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		vici_kv_str(o, key, text);
}

static void put_some(struct vici_out *o, const char *key, const char *text)
{
	if (text && *text)
		vici_kv_str(o, key, text);
}

/* Secrets that were loaded without a name have no name to show. */
static bool nameless(const char *id)
{
	return id[0] == '%';
}

static bool step_credentials(struct api_call *call)
{
	static struct api_credential c; /* the loop's; too large for the stack of a callback */
	char kind[16];
	const bool all = !api_arg(call, "kind", kind, sizeof kind);
	int64_t now = (int64_t)time(NULL);
	struct vici_out o;

	while (call->walk.stage < API_CREDENTIAL_KINDS && creds(call)) {
		enum api_credential_kind k = call->walk.stage;
		if ((!all && strcmp(kind, kinds[k]) != 0) || !creds(call)->next(call->s->env.arg, k, &call->walk.at, &c)) {
			call->walk.stage++;
			call->walk.at = 0;
			continue;
		}
		api_event_start(&o, API_E_LIST_CREDENTIAL);
		vici_section(&o, nameless(c.id) ? "(without a name)" : c.id);
		vici_kv_str(&o, "kind", kinds[k]);
		vici_kv_str(&o, "type", c.type);
		put_some(&o, k == API_SECRETS ? "owners" : k == API_KEYS ? "algorithm" : "subject", c.subject);
		put_some(&o, "issuer", c.issuer);
		put_some(&o, "serial", c.serial);
		put_rfc3339(&o, "not-before", c.not_before);
		put_rfc3339(&o, "not-after", c.not_after);
		if (c.not_after)
			vici_kv_str(&o, "state", now > c.not_after ? "expired" : now < c.not_before ? "not yet valid" : "valid");
		if (c.not_after && now <= c.not_after)
			vici_kv_u64(&o, "expires-in", (uint64_t)(c.not_after - now));
		if (k == API_CERTS)
			vici_kv_str(&o, "has-key", c.has_key ? "yes" : "no");
		put_some(&o, "where", c.where);
		put_some(&o, "label", c.label);
		vici_section_end(&o);
		api_event_to(call, &o, API_E_LIST_CREDENTIAL);
		return true;
	}
	return false;
}

void api_do_list_credentials(struct api_call *call)
{
	api_stream(call, step_credentials);
}

void api_do_flush_certs(struct api_call *call)
{
	const char *type, *flag;

	if (!type_and_flag(call, &type, &flag))
		return;
	if (creds(call))
		creds(call)->flush(call->s->env.arg, type);
	api_ok(call);
}

/* ---- keys -------------------------------------------------------------------------------------------------------------- */

static void load_key(struct api_call *call, uint16_t store, const char *const *names)
{
	struct cred_attr v[8];
	size_t n = 0;

	if (missing(call))
		return;
	for (; *names; names++)
		if (vici_find(call->body, *names, &v[n].value))
			v[n++].name = *names;
	call->cmd_id = ++call->s->next_cmd;
	creds(call)->load_key(call->s->env.arg, call->cmd_id, store, v, n);
}

void api_do_load_key(struct api_call *call)
{
	static const char *const names[] = { "type", "data", NULL };
	static const char *const types[] = { "any", "rsa", "ecdsa", "ed25519", "ed448", "bliss", "pkcs8" };
	char type[128];
	size_t i = 0;

	if (api_arg(call, "type", type, sizeof type)) {
		while (i < ARRAY_LEN(types) && strcasecmp(types[i], type) != 0)
			i++;
		if (i == ARRAY_LEN(types)) {
			api_failf(call, E_BAD_VALUE, "invalid key type '%s': RSA, ECDSA, ED25519, ED448 or any is expected", type);
			return;
		}
	}
	load_key(call, CRED_STORE_MEMORY, names);
}

void api_do_load_token(struct api_call *call)
{
	static const char *const names[] = { "handle", "slot", "module", "pin", NULL };

	load_key(call, CRED_STORE_PKCS11, names);
}

static struct api_call *call_of(struct api_server *s, uint64_t cmd_id)
{
	for (struct api_client *c = s->clients; c; c = c->next)
		if (c->call && !c->call->ended && c->call->cmd_id == cmd_id)
			return c->call;
	return NULL;
}

static void put_id(struct vici_out *o, const uint8_t id[API_KEYID_LEN], bool item)
{
	TEXT_ON_STACK(t, 2 * API_KEYID_LEN + 1);

	text_hex(&t, slice_of(id, API_KEYID_LEN));
	if (item)
		vici_item_str(o, t.p);
	else
		vici_kv_str(o, "id", t.p);
}

bool api_server_key_loaded(struct api_server *s, uint64_t cmd_id, err_t err, const uint8_t id[API_KEYID_LEN], const char *why)
{
	struct api_call *call = call_of(s, cmd_id);
	struct vici_out o;

	if (!call)
		return false;
	if (err) {
		api_failf(call, err, "%s", why && *why ? why : err_text(err));
		return true;
	}
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	put_id(&o, id, false);
	api_reply(call, &o);
	return true;
}

static bool hex_of(const char *text, uint8_t id[API_KEYID_LEN])
{
	for (int i = 0; i < API_KEYID_LEN; i++) {
		unsigned v;
		if (sscanf(text + 2 * (size_t)i, "%2x", &v) != 1 || strspn(text + 2 * (size_t)i, "0123456789abcdefABCDEF") < 2)
			return false;
		id[i] = (uint8_t)v;
	}
	return strlen(text) == 2 * API_KEYID_LEN;
}

void api_do_unload_key(struct api_call *call)
{
	uint8_t id[API_KEYID_LEN];
	char text[128];

	if (!api_arg(call, "id", text, sizeof text))
		text[0] = 0;
	if (creds(call) && hex_of(text, id) && creds(call)->unload_key(call->s->env.arg, id) == 0)
		api_ok(call);
	else
		api_failf(call, E_NOT_FOUND, "key not found: there is no private key '%s'", text);
}

void api_do_get_keys(struct api_call *call)
{
	uint8_t id[API_KEYID_LEN];
	struct vici_out o;

	api_response(&o);
	vici_list(&o, "keys");
	for (size_t i = 0; creds(call) && creds(call)->key_at(call->s->env.arg, i, id); i++)
		put_id(&o, id, true);
	vici_list_end(&o);
	api_reply(call, &o);
}

/* ---- authorities --------------------------------------------------------------------------------------------------------- */

void api_do_load_authority(struct api_call *call)
{
	struct conf_node *root = conf_node_section(NULL, "");
	struct diag *why = NULL;
	err_t e = E_NOMEM;

	if (missing(call)) {
		conf_node_free(&root);
		return;
	}
	if (root)
		e = api_tree_of(call->body, root, &why);
	if (!e && (conf_node_count(root) != 1 || root->first->kind != CONF_SECTION))
		e = diag_set(&why, E_BAD_VALUE, "load-authority takes one section, the authority");
	if (!e)
		e = creds(call)->load_authority(call->s->env.arg, root->first, &why);
	if (e)
		api_fail(call, e, why);
	else
		api_ok(call);
	conf_node_free(&root);
}

void api_do_unload_authority(struct api_call *call)
{
	char name[VICI_NAME_MAX + 1];

	if (!api_arg(call, "name", name, sizeof name))
		name[0] = 0;
	if (creds(call) && creds(call)->unload_authority(call->s->env.arg, name) == 0)
		api_ok(call);
	else
		api_failf(call, E_NOT_FOUND, "unload: authority '%s' not found", name);
}

void api_do_get_authorities(struct api_call *call)
{
	struct api_authority a;
	struct vici_out o;

	api_response(&o);
	vici_list(&o, "authorities");
	for (size_t i = 0; creds(call) && creds(call)->authority_at(call->s->env.arg, i, &a); i++)
		vici_item_str(&o, a.name);
	vici_list_end(&o);
	api_reply(call, &o);
}

static void put_list(struct vici_out *o, const char *name, const char *const *v)
{
	if (!v || !*v)
		return;
	vici_list(o, name);
	for (; *v; v++)
		vici_item_str(o, *v);
	vici_list_end(o);
}

static bool step_authorities(struct api_call *call)
{
	char name[VICI_NAME_MAX + 1];
	struct api_authority a;
	struct vici_out o;

	if (!creds(call) || !creds(call)->authority_at(call->s->env.arg, (size_t)call->cursor++, &a))
		return false;
	if (api_arg(call, "name", name, sizeof name) && *name && strcmp(name, a.name) != 0)
		return true;
	api_event_start(&o, API_E_LIST_AUTHORITY);
	vici_section(&o, a.name);
	vici_kv_str(&o, "cacert", a.cacert);
	put_list(&o, "crl_uris", a.crl_uris);
	put_list(&o, "ocsp_uris", a.ocsp_uris);
	if (a.cert_uri_base)
		vici_kv_str(&o, "cert_uri_base", a.cert_uri_base);
	vici_section_end(&o);
	api_event_to(call, &o, API_E_LIST_AUTHORITY);
	return true;
}

void api_do_list_authorities(struct api_call *call)
{
	api_stream(call, step_authorities);
}
