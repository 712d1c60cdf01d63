/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a round that are about certificates: what there is, what is accepted, how it may be signed. */
#include "config/typed_int.h"

#include "config/value.h"
#include "plugin/abi_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { BLOBS_MAX = 64, WORDS_MAX = 64 };

/* ---- signatures ------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *word;
	uint8_t kind;
	bool pss;
} kinds[] = {
	{ "rsa/pss", CONF_SIG_RSA, true }, { "rsa", CONF_SIG_RSA, false }, { "ecdsa", CONF_SIG_ECDSA, false },
	{ "ed25519", CONF_SIG_ED25519, false }, { "ed448", CONF_SIG_ED448, false },
};
static const struct {
	const char *word;
	uint16_t hash;
} hashes[] = {
	{ "sha1", PLUG_HASH_SHA1 }, { "sha256", PLUG_HASH_SHA256 }, { "sha384", PLUG_HASH_SHA384 }, { "sha512", PLUG_HASH_SHA512 },
	{ "identity", PLUG_HASH_IDENTITY },
};

/* One word between dashes; last: the kind of key that stands before it. */
static bool sig_word(struct conf_sigs *s, const char *w, bool ike, uint8_t *last)
{
	int64_t bits;

	if (strcasecmp(w, "pubkey") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcasecmp(w, kinds[i].word) == 0) {
			*last = kinds[i].kind;
			s->kinds |= kinds[i].kind;
			s->ike_pss |= kinds[i].pss;
			s->chain_pss |= kinds[i].pss && !ike;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (strcasecmp(w, hashes[i].word) == 0) {
			s->ike_hashes |= 1u << hashes[i].hash;
			s->chain_hashes |= ike ? 0 : 1u << hashes[i].hash;
			return true;
		}
	if (conf_value_int(slice_str(w), &bits) || bits < 160 || bits > 16384)
		return false;
	if (*last == CONF_SIG_ECDSA || (!*last && bits <= 521))
		s->ecdsa_bits = (uint16_t)bits;
	else
		s->rsa_bits = (uint16_t)bits;
	return true;
}

err_t conf_read_sigs(const struct conf_node *node, const char *text, struct conf_sigs *out, struct diag **why)
{
	char buf[256], *save = NULL;
	uint8_t last = 0;
	bool ike = false;

	if (strlen(text) >= sizeof buf)
		return conf_node_fail(node, true, why, E_LIMIT, "'auth' is longer than %zu letters", sizeof buf - 1);
	strcpy(buf, text);
	for (char *w = strtok_r(buf, "-", &save); w; w = strtok_r(NULL, "-", &save)) {
		if (strncasecmp(w, "ike:", 4) == 0) {
			ike = true;
			w += 4;
		}
		if (!sig_word(out, w, ike, &last))
			return conf_node_fail(node, true, why, E_BAD_VALUE, "'auth' = '%.80s': '%s' is none of pubkey, rsa, rsa/pss, ecdsa, "
				"ed25519, ed448, a length in bits, sha1, sha256, sha384, sha512", text, w);
	}
	out->text = strdup(text);
	return out->text ? 0 : E_NOMEM;
}

/* ---- certificates ------------------------------------------------------------------------------------------------------ */

struct blobs {
	struct conf_blob *v;
	uint16_t n;
};

static err_t add_blob(const struct conf_node *at, const struct conf_can *can, uint8_t kind, slice text, struct blobs *b,
	struct diag **why)
{
	char said[400] = "";

	if (b->n == BLOBS_MAX)
		return conf_node_fail(at, true, why, E_LIMIT, "'%s': more than %d certificates or keys", at->name, BLOBS_MAX);
	if (!can->cred)
		return 0;
	struct conf_blob *v = reallocarray(b->v, b->n + 1u, sizeof *v);
	if (!v)
		return E_NOMEM;
	b->v = v;
	v[b->n] = (struct conf_blob){ 0 };
	err_t e = can->cred(can->arg, kind, text, &v[b->n], said, sizeof said);
	if (e)
		return conf_node_fail(at, true, why, e, "'%s': %s", at->name, said);
	b->n++;
	return 0;
}

static err_t read_blobs(const struct conf_node *round, const struct conf_can *can, const char *list, const char *section,
	uint8_t kind, struct conf_blob **out, uint16_t *n, struct diag **why)
{
	const struct conf_node *node = conf_node_child(round, list);
	struct conf_items it = { 0 };
	struct blobs b = { 0 };
	size_t len = section ? strlen(section) : 0;
	err_t first = 0, e;

	while (node && conf_items_next(node, &it)) {
		e = add_blob(node, can, kind, it.text, &b, why);
		first = first ? first : e;
	}
	for (const struct conf_node *c = round->first; section && c; c = c->next) {
		if (c->kind != CONF_SECTION || strncmp(c->name, section, len) != 0)
			continue;
		const struct conf_node *file = conf_node_child(c, "file");
		if (conf_is_set(file) && file->kind == CONF_VALUE)
			e = add_blob(file, can, kind, slice_of(file->text, file->len), &b, why);
		else
			e = conf_node_fail(c, false, why, E_NOT_SUPPORTED, "'%s' has no file: 'handle', 'slot' and 'module' need not be "
				"said, certificates on tokens are found by themselves", c->name);
		first = first ? first : e;
	}
	*out = b.v;
	*n = b.n;
	return first;
}

static err_t read_words(const struct conf_node *round, const char *name, char ***out, struct diag **why)
{
	const struct conf_node *node = conf_node_child(round, name);
	struct conf_items it = { 0 };
	size_t n = 0;

	if (!conf_is_set(node))
		return 0;
	char **v = calloc(WORDS_MAX + 1, sizeof *v);
	if (!v)
		return E_NOMEM;
	*out = v;
	while (conf_items_next(node, &it)) {
		if (n == WORDS_MAX)
			return conf_node_fail(node, true, why, E_LIMIT, "'%s' has more than %d entries", name, WORDS_MAX);
		v[n] = strndup((const char *)it.text.p, it.text.n);
		if (!v[n++])
			return E_NOMEM;
	}
	return 0;
}

static err_t read_ekus(const struct conf_node *node, uint32_t *out, struct diag **why)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} rows[] = {
#define row(id, bit, name, oid) { name, CERT_EKU_##id },
		CERT_EKU_ROWS(row)
#undef row
	};
	struct conf_items it = { 0 };

	while (conf_is_set(node) && conf_items_next(node, &it)) {
		size_t i = 0;
		char word[64];
		snprintf(word, sizeof word, "%.*s", (int)(it.text.n < sizeof word ? it.text.n : sizeof word - 1), (const char *)it.text.p);
		while (i < ARRAY_LEN(rows) && strcasecmp(rows[i].name, word) != 0)
			i++;
		struct conf_near near = conf_near_of(word);
		for (size_t k = 0; i == ARRAY_LEN(rows) && k < i; k++)
			conf_near_try(&near, rows[k].name);
		if (i == ARRAY_LEN(rows))
			return conf_node_fail(node, true, why, E_BAD_VALUE, "'cert_eku' = '%s' is no purpose that is known%s%s%s", word,
				near.best ? ": did you mean '" : "; serverAuth, clientAuth, ipsecIKE…", near.best ? near.best : "",
				near.best ? "'?" : "");
		*out |= rows[i].bit;
	}
	return 0;
}

static err_t read_revocation(const struct conf_node *node, uint8_t *out, struct diag **why)
{
	static const char *const words[] = { [CONF_REV_RELAXED] = "relaxed", [CONF_REV_IFURI] = "ifuri",
		[CONF_REV_STRICT] = "strict", [CONF_REV_OFF] = "off" };

	if (!conf_is_set(node))
		return 0;
	for (uint8_t i = 0; node->kind == CONF_VALUE && i < ARRAY_LEN(words); i++)
		if (strcasecmp(node->text, words[i]) == 0) {
			*out = i;
			return 0;
		}
	/* The schema has said what is wrong. */
	(void)why;
	return E_BAD_VALUE;
}

static err_t read_map(const struct conf_node *node, const struct conf_can *can, char **out, struct diag **why)
{
	struct conf_blob none = { 0 };
	char said[400] = "";

	if (!conf_is_set(node))
		return 0;
	if (node->kind != CONF_VALUE || memchr(node->text, 0, node->len))
		return conf_node_fail(node, true, why, E_BAD_VALUE, "'%s' takes one text of rules", node->name);
	err_t e = can->cred ? can->cred(can->arg, CONF_CRED_MAP, slice_of(node->text, node->len), &none, said, sizeof said) : 0;
	if (e)
		return conf_node_fail(node, true, why, e, "'%s': %s", node->name, said);
	*out = strdup(node->text);
	return *out ? 0 : E_NOMEM;
}

err_t conf_read_creds(const char *conn, const struct conf_node *round, bool local, const struct conf_can *can,
		      struct conf_auth *a, struct diag **why)
{
	err_t first = read_blobs(round, can, "certs", "cert", CONF_CRED_CERT, &a->certs, &a->n_certs, why), e;

	e = read_blobs(round, can, "pubkeys", NULL, CONF_CRED_PUBKEY, &a->pubkeys, &a->n_pubkeys, why);
	first = first ? first : e;
	if (!local) {
		e = read_blobs(round, can, "cacerts", "cacert", CONF_CRED_CA, &a->cacerts, &a->n_cacerts, why);
		first = first ? first : e;
		e = read_words(round, "cert_policy", &a->policies, why);
		first = first ? first : e;
		e = read_ekus(conf_node_child(round, "cert_eku"), &a->ekus, why);
		first = first ? first : e;
		e = read_map(conf_node_child(round, "cert_map"), can, &a->cert_map, why);
		first = first ? first : e;
		e = read_words(round, "groups", &a->groups, why);
		first = first ? first : e;
		e = conf_read_id(conf_node_child(round, "ca_id"), &a->ca_id, why);
		first = first ? first : e;
		e = read_revocation(conf_node_child(round, "revocation"), &a->revocation, why);
		first = first ? first : e;
	}
	/* Who has a certificate is whom it names. */
	if (!first && local && a->n_certs && can->cred_id)
		first = can->cred_id(can->arg, conn, &a->certs[0], &a->id);
	return first;
}
