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

enum { SIGS_MAX = 32 };

/* Keys that stand one after the other, and the hashes behind them: "rsa-2048-ecdsa-256-sha256-sha384". */
struct sig_words {
	struct conf_sigs *out;
	struct conf_sig v[SIGS_MAX];
	uint8_t n;
	uint8_t kinds;          /* of the group; 0 any */
	uint8_t last;           /* kind that stands right before: bits may follow */
	uint8_t where;          /* CONF_SIG_IKE behind "ike:", else CONF_SIG_CHAIN */
	bool pss, any, hashed;  /* any: "pubkey" is in the group */
};

static bool sig_add(struct sig_words *s, uint8_t hash)
{
	if (s->n == SIGS_MAX)
		return false;
	s->v[s->n++] = (struct conf_sig){ s->any ? 0 : s->kinds, s->where, hash, s->pss };
	return true;
}

/* A key begins a new group when hashes, or another place, stand between. */
static bool sig_key(struct sig_words *s, uint8_t kind, bool pss, bool ike)
{
	uint8_t where = ike ? CONF_SIG_IKE : CONF_SIG_CHAIN;
	bool begun = s->kinds || s->any;

	if (begun && (s->hashed || s->where != where || s->pss != pss)) {
		if (!s->hashed && !sig_add(s, 0))
			return false;
		s->kinds = 0;
		s->any = s->hashed = false;
	}
	s->where = where;
	s->pss = pss;
	s->kinds |= kind;
	s->any = s->any || !kind;
	s->last = kind;
	s->out->kinds |= kind;
	return true;
}

static bool sig_word(struct sig_words *s, const char *w)
{
	bool ike = strncasecmp(w, "ike:", 4) == 0;
	struct conf_sigs *out = s->out;
	int64_t bits;

	w += ike ? 4 : 0;
	if (strcasecmp(w, "pubkey") == 0)
		return sig_key(s, 0, false, ike);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcasecmp(w, kinds[i].word) == 0)
			return sig_key(s, kinds[i].kind, kinds[i].pss, ike);
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (strcasecmp(w, hashes[i].word) == 0) {
			s->last = 0;
			s->hashed = true;
			s->where = ike ? CONF_SIG_IKE : s->where;
			return sig_add(s, (uint8_t)hashes[i].hash);
		}
	if (ike || conf_value_int(slice_str(w), &bits) || bits < 160 || bits > 16384)
		return false;
	if (s->last == CONF_SIG_ECDSA || (!s->last && bits <= 521))
		out->ecdsa_bits = (uint16_t)bits;
	else
		out->rsa_bits = (uint16_t)bits;
	s->last = 0;
	return true;
}

/* What says nothing about signatures in its place does not limit them there; what stands without "ike:" holds for AUTH, too,
 * unless something stands with it. */
static err_t sig_words_keep(struct sig_words *s)
{
	uint8_t said = 0;

	for (uint8_t i = 0; i < s->n; i++)
		said |= s->v[i].hash || s->v[i].pss ? s->v[i].where : 0;
	struct conf_sigs *out = s->out;
	out->v = s->n ? calloc(s->n, sizeof *out->v) : NULL;
	for (uint8_t i = 0; out->v && i < s->n; i++) {
		if (!(s->v[i].where & said))
			continue;
		out->v[out->n] = s->v[i];
		out->v[out->n++].where |= said & CONF_SIG_IKE ? 0 : CONF_SIG_IKE;
	}
	return s->n && !out->v ? E_NOMEM : 0;
}

err_t conf_read_sigs(const struct conf_node *node, const char *text, struct conf_sigs *out, struct diag **why)
{
	struct sig_words s = { .out = out, .where = CONF_SIG_CHAIN };
	char buf[256], *save = NULL;

	if (strlen(text) >= sizeof buf)
		return conf_node_fail(node, true, why, E_LIMIT, "'auth' is longer than %zu letters", sizeof buf - 1);
	strcpy(buf, text);
	for (char *w = strtok_r(buf, "-", &save); w; w = strtok_r(NULL, "-", &save))
		if (s.n == SIGS_MAX || !sig_word(&s, w))
			return conf_node_fail(node, true, why, E_BAD_VALUE, "'auth' = '%.80s': '%s' %s", text, w, s.n == SIGS_MAX ? "is one too many" :
				"is none of pubkey, rsa, rsa/pss, ecdsa, ed25519, ed448, a length in bits, sha1, sha256, sha384, sha512");
	if (!s.hashed && (s.kinds || s.any) && s.n < SIGS_MAX)
		(void)sig_add(&s, 0);
	err_t e = sig_words_keep(&s);
	out->text = strdup(text);
	return e ? e : out->text ? 0 : E_NOMEM;
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
