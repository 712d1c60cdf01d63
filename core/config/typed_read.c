/* SPDX-License-Identifier: Apache-2.0 */
/* Single keys of connections: addresses, selectors, proposals, identities, authentication, lifetimes. */
#include "config/typed_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* RFC 7296 section 3.13: the number of selectors is one byte. */
enum { TS_MAX = 255, ADDRS_MAX = 255, PROPS_MAX = 255, ITEM_MAX = 1023 };

bool conf_is_set(const struct conf_node *n)
{
	return n && (n->kind == CONF_LIST ? n->n > 0 : n->kind == CONF_VALUE && n->len > 0);
}

/* A finding at an item of a list; offset: bytes into the item. */
static err_t PRINTF_LIKE(6, 7) bad_item(const struct conf_node *n, const struct conf_items *it, uint32_t offset,
					struct diag **why, err_t code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return diag_at(why, code, conf_node_file(n), it->line, it->column ? it->column + offset : 0, "%s", text);
}

/* The item as text; false when it is too long or holds a zero byte: that was said. */
static bool item_text(const struct conf_node *n, const struct conf_items *it, char buf[ITEM_MAX + 1], struct diag **why,
		      err_t *first)
{
	if (it->text.n > ITEM_MAX || memchr(it->text.p, 0, it->text.n)) {
		err_t e = bad_item(n, it, 0, why, E_BAD_VALUE, "'%s': an item is longer than %d bytes or holds a "
			"zero byte",
			n->name, ITEM_MAX);
		*first = *first ? *first : e;
		return false;
	}
	memcpy(buf, it->text.p, it->text.n);
	buf[it->text.n] = 0;
	return true;
}

static size_t count_items(const struct conf_node *n)
{
	struct conf_items it = { 0 };
	size_t k = 0;

	while (n && conf_items_next(n, &it))
		k++;
	return k;
}

static bool means_any(const char *s)
{
	static const char *const any[] = { "%any", "%any4", "%any6", "0.0.0.0/0", "::/0", "0.0.0.0", "::" };

	for (size_t i = 0; i < ARRAY_LEN(any); i++)
		if (strcmp(s, any[i]) == 0)
			return true;
	return false;
}

static bool looks_like_name(const char *s)
{
	bool letter = false;

	for (; *s; s++) {
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_')
			letter = true;
		else if (!strchr("0123456789-.", *s))
			return false;
	}
	return letter;
}

err_t conf_read_addrs(const struct conf_node *node, struct conf_addrs *out, struct diag **why)
{
	size_t n = count_items(node), n_texts = 0;
	struct conf_items it = { 0 };
	char buf[ITEM_MAX + 1];
	bool any = n == 0;
	err_t first = 0;

	if (n > ADDRS_MAX)
		return conf_node_fail(node, true, why, E_LIMIT, "'%s' has more than %d addresses", node->name,
		ADDRS_MAX);
	out->addrs = calloc(n + 1, sizeof *out->addrs);
	out->nets = calloc(n + 1, sizeof *out->nets);
	out->texts = calloc(n + 2, sizeof *out->texts);
	if (!out->addrs || !out->nets || !out->texts)
		return E_NOMEM;
	if (n == 0) {
		out->texts[0] = strdup("%any");
		return out->texts[0] ? 0 : E_NOMEM;
	}
	while (conf_items_next(node, &it)) {
		struct net_addr a;
		struct ts_sel ts;

		if (!item_text(node, &it, buf, why, &first))
			continue;
		out->texts[n_texts] = strdup(buf);
		if (!out->texts[n_texts++])
			return E_NOMEM;
		if (means_any(buf)) {
			any = true;
		} else if (!strpbrk(buf, "/[]") && net_addr_parse(buf, &a) == 0 && a.port == 0) {
			out->addrs[out->n_addrs++] = a;
			out->nets[out->n_nets++] = ts_of_addr(&a);
		} else if (!strchr(buf, '[') && ts_parse(buf, &ts) == 0) {
			out->nets[out->n_nets++] = ts;
		} else if (looks_like_name(buf)) {
			err_t e = bad_item(node, &it, 0, why, E_NOT_SUPPORTED,
				"'%s' = '%s': names of hosts are not looked "
				"up yet (docs/ROADMAP.md: DNS names), write the address", node->name, buf);
			first = first ? first : e;
		} else {
			err_t e = bad_item(node, &it, 0, why, E_BAD_VALUE, "'%s' = '%s': an address, prefix, range or "
				"%%any is expected", node->name, buf);
			first = first ? first : e;
		}
	}
	if (any)
		out->n_nets = 0;
	return first;
}

err_t conf_read_ts(const struct conf_node *node, struct conf_ts **out, uint16_t *n, struct diag **why)
{
	size_t want = count_items(node);
	struct conf_items it = { 0 };
	char buf[ITEM_MAX + 1], any[ITEM_MAX + 16];
	err_t first = 0;

	if (want > TS_MAX)
		return conf_node_fail(node, true, why, E_LIMIT, "'%s' has more than %d selectors", node->name, TS_MAX);
	*out = calloc(want + 1, sizeof **out);
	if (!*out)
		return E_NOMEM;
	if (want == 0) {
		(*out)[0] = (struct conf_ts){ .dynamic = true, .sel = { .port_hi = UINT16_MAX } };
		*n = 1;
		return 0;
	}
	while (conf_items_next(node, &it)) {
		struct conf_ts *t = &(*out)[*n];

		if (!item_text(node, &it, buf, why, &first))
			continue;
		t->dynamic = strncmp(buf, "dynamic", 7) == 0 && (buf[7] == 0 || buf[7] == '[');
		/* A dynamic one has no address yet, but its protocol and ports are read in the same way. */
		snprintf(any, sizeof any, "%s%s", t->dynamic ? "0.0.0.0/0" : "", t->dynamic ? buf + 7 : buf);
		if (ts_parse(any, &t->sel)) {
			err_t e = bad_item(node, &it, 0, why, E_BAD_VALUE, "'%s' = '%s': a selector as 10.1.0.0/24, "
				"fd00::/64[tcp/443], 10.0.0.1-10.0.0.9 or dynamic is expected", node->name, buf);
			first = first ? first : e;
			continue;
		}
		if (t->dynamic) {
			t->sel.family = NET_NONE;
			memset(t->sel.lo, 0, sizeof t->sel.lo);
			memset(t->sel.hi, 0, sizeof t->sel.hi);
		}
		(*n)++;
	}
	return first;
}

err_t conf_read_props(const struct conf_node *section, const struct conf_node *node, uint8_t proto,
		      const struct suite_env *env, struct suite_list *out, struct diag **remarks, struct diag **why)
{
	struct conf_items it = { 0 };
	char buf[ITEM_MAX + 1];
	err_t first = 0;
	size_t before = out->n;
	bool lacking = false;

	if (!conf_is_set(node)) {
		struct diag *d = NULL;
		err_t e = suite_list_add(out, env, proto, "default", &d);
		if (e)
			conf_node_fail(section, false, e == E_NEEDS ? remarks : why, e, "'%s' has no proposals, and there is no default: %s",
			section->name,
				d && d->text ? d->text : err_text(e));
		diag_free(&d);
		return e;
	}
	while (conf_items_next(node, &it)) {
		struct diag *d = NULL;

		if (!item_text(node, &it, buf, why, &first))
			continue;
		err_t e = out->n >= PROPS_MAX ? E_LIMIT : suite_list_add(out, env, proto, buf, &d);
		bool lacks = e == E_NEEDS;
		if (e || d)
			bad_item(node, &it, d && d->column ? d->column - 1 : 0, e && !lacks ? why : remarks, e ? e : d->code,
				"'%s' = '%s': %s", node->name, buf, d && d->text ? d->text : err_text(e));
		first = first || lacks ? first : e;
		lacking |= lacks;
		diag_free(&d);
	}
	return !first && lacking && out->n == before ? E_NEEDS : first;
}

err_t conf_read_id(const struct conf_node *node, struct conf_id *out, struct diag **why)
{
	if (!conf_is_set(node))
		return 0;
	if (node->kind != CONF_VALUE || memchr(node->text, 0, node->len))
		return conf_node_fail(node, true, why, E_BAD_VALUE, "'%s' takes one identity", node->name);
	err_t e = conf_id_parse(node->text, out);
	if (e == E_BAD_VALUE)
		return conf_node_fail(node, true, why, e, "'%s' = '%.200s' is no identity: an address, gw.example.com, "
			"user@example.com, \"C=CH, O=Lab, CN=gw\", or keyid:, fqdn:, {type}: with text or #hex is "
			"expected",
			node->name, node->text);
	return e;
}

static const struct {
	const char *word; /* ends with a letter: the whole word or followed by '-', ':' or '/' */
	uint8_t cls;
	const char *later;
} auths[] = {
	{ "psk", CONF_AUTH_PSK, "" },
	{ "pubkey", CONF_AUTH_PUBKEY, "certificates" },
	{ "rsa", CONF_AUTH_PUBKEY, "certificates" },
	{ "ecdsa", CONF_AUTH_PUBKEY, "certificates" },
	{ "ed25519", CONF_AUTH_PUBKEY, "certificates" },
	{ "ed448", CONF_AUTH_PUBKEY, "certificates" },
	{ "ike", CONF_AUTH_PUBKEY, "certificates" },
	{ "any", CONF_AUTH_ANY, "certificates" },
	{ "eap", CONF_AUTH_EAP, "EAP" },
	{ "xauth", CONF_AUTH_XAUTH, "IKEv1" },
};

static bool begins(const char *text, const char *word)
{
	size_t n = strlen(word);

	return strncasecmp(text, word, n) == 0 && (text[n] == 0 || strchr("-:/", text[n]));
}

err_t conf_read_auth(const struct conf_node *round, const struct conf_node *node, const struct conf_can *can,
		     struct conf_auth *out, struct diag **why)
{
	const char *word = conf_is_set(node) && node->kind == CONF_VALUE ? node->text : "pubkey", *later = NULL;

	for (size_t i = 0; !later && i < ARRAY_LEN(auths); i++)
		if (begins(word, auths[i].word)) {
			out->cls = auths[i].cls;
			later = auths[i].later;
		}
	if (!later)
		return conf_node_fail(node, true, why, E_BAD_VALUE, "'auth' = '%.80s': psk, pubkey, eap[-method], "
			"xauth[-backend] or a signature scheme is expected", word);
	out->method = strdup(word);
	if (!out->method)
		return E_NOMEM;
	if (can->auth ? can->auth(can->arg, out->cls, word) : out->cls == CONF_AUTH_PSK || out->cls == CONF_AUTH_PUBKEY)
		return out->cls == CONF_AUTH_PUBKEY ? conf_read_sigs(node ? node : round, word, &out->sigs, why) : 0;
	return conf_node_fail(node ? node : round, node != NULL, why, E_NOT_SUPPORTED,
		"'auth' = '%.80s'%s: nothing that is "
		"loaded can authenticate this way (docs/ROADMAP.md: %s); there is: psk", word, node ? "" :
		" (the default)",
		later);
}

static uint64_t tenth_more(uint64_t v)
{
	return v + v / 10;
}

/* rekey, life, rand: see the documentation of the keys. */
static void derive(uint64_t *rekey, uint64_t *life, uint64_t *rnd, uint64_t def)
{
	if (*rekey == UINT64_MAX)
		*rekey = *life == UINT64_MAX || *life == 0 ? def : *life - *life / 11;
	if (*life == UINT64_MAX)
		*life = tenth_more(*rekey);
	if (*rnd == UINT64_MAX)
		*rnd = *life > *rekey ? *life - *rekey : 0;
	if (*rnd > *rekey)
		*rnd = *rekey;
}

void conf_derive_child(struct conf_child *c)
{
	derive(&c->rekey_time_s, &c->life_time_s, &c->rand_time_s, 3600);
	derive(&c->rekey_bytes, &c->life_bytes, &c->rand_bytes, 0);
	derive(&c->rekey_packets, &c->life_packets, &c->rand_packets, 0);
}

void conf_derive_conn(struct conf_conn *c)
{
	if (c->rekey_time_s == UINT64_MAX)
		c->rekey_time_s = c->reauth_time_s ? 0 : 4 * 3600;
	uint64_t longer = c->rekey_time_s > c->reauth_time_s ? c->rekey_time_s : c->reauth_time_s;
	uint64_t shorter = !c->rekey_time_s || (c->reauth_time_s && c->reauth_time_s < c->rekey_time_s) ?
		c->reauth_time_s : c->rekey_time_s;
	if (c->over_time_s == UINT64_MAX)
		c->over_time_s = longer / 10;
	if (c->rand_time_s == UINT64_MAX)
		c->rand_time_s = c->over_time_s;
	if (c->rand_time_s > shorter)
		c->rand_time_s = shorter;
}
