/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenIKED's iked.conf: macros, `user`, `set` and policies. A policy is a row of words; it becomes a connection whose
 * children are its pairs of networks.
 */
#include "tools/adit/import.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 512, MACROS_MAX = 128, PAIRS_MAX = 64 };

struct macro {
	char *name, *value;
};

struct iked {
	struct import *im;
	struct macro macros[MACROS_MAX];
	size_t n_macros;
	char *word[WORDS_MAX];
	bool quoted[WORDS_MAX];
	size_t n;
	unsigned policies;
};

/* ---- words ----------------------------------------------------------------------------------------------------------- */

static const char *macro(const struct iked *k, const char *name)
{
	for (size_t i = 0; i < k->n_macros; i++)
		if (!strcmp(k->macros[i].name, name))
			return k->macros[i].value;
	return NULL;
}

static void words_free(struct iked *k)
{
	while (k->n)
		free(k->word[--k->n]);
}

static void word_add(struct iked *k, const char *p, size_t n, bool quoted)
{
	if (k->n == WORDS_MAX) {
		import_report(k->im, "a policy of more than %d words", WORDS_MAX);
		return;
	}
	k->word[k->n] = strndup(p, n);
	k->quoted[k->n] = quoted;
	if (k->word[k->n])
		k->n++;
	else
		k->im->failed = true;
}

static void split(struct iked *k, const char *p, unsigned depth)
{
	while (*p && depth < 8) {
		p += strspn(p, " \t\r\n,");
		if (*p == '#' || !*p)
			return;
		if (*p == '"') {
			size_t n = strcspn(p + 1, "\"");
			word_add(k, p + 1, n, true);
			p += n + 1 + (p[n + 1] == '"');
			continue;
		}
		if (strchr("{}()=", *p)) {
			word_add(k, p++, 1, false);
			continue;
		}
		size_t n = strcspn(p, " \t\r\n,{}()=\"#");
		if (*p == '$' && n > 1 && n < 64) {
			char name[64];
			snprintf(name, sizeof name, "%.*s", (int)(n - 1), p + 1);
			const char *value = macro(k, name);
			if (value)
				split(k, value, depth + 1);
			else
				import_report(k->im, "the macro '%s' is not defined", name);
		} else {
			word_add(k, p, n, false);
		}
		p += n;
	}
}

/* ---- one policy ------------------------------------------------------------------------------------------------------ */

struct pair {
	char from[128], to[128], from_port[32], to_port[32];
};

struct policy {
	struct iked *k;
	size_t at;
	struct conf_node *conn, *local, *remote, *children;
	struct pair pair[PAIRS_MAX];
	size_t n;
	char mode[16], proto[32], name[CONF_NAME_MAX + 1];
	char ike[1024], esp[1024];
	bool active, ipcomp;
	uint64_t life;
};

static const char *peek(const struct policy *p)
{
	return p->at < p->k->n ? p->k->word[p->at] : "";
}

static const char *next(struct policy *p)
{
	return p->at < p->k->n ? p->k->word[p->at++] : "";
}

static bool take(struct policy *p, const char *word)
{
	if (p->at >= p->k->n || p->k->quoted[p->at] || strcmp(peek(p), word))
		return false;
	p->at++;
	return true;
}

static void network(struct policy *p, char net[128], char port[32])
{
	snprintf(net, 128, "%.127s", next(p));
	if (take(p, "(")) { /* a NAT form: from A (B) */
		import_report(p->k->im, "from %s (%s): translation of networks is not known here", net, next(p));
		take(p, ")");
	}
	if (take(p, "port"))
		snprintf(port, 32, "%.31s", next(p));
}

/* Its words for ours; groups and hashes of other spellings are in the common table. */
static const char *const algs[][2] = {
	{ "hmac-sha1", "sha1" }, { "hmac-sha2-256", "sha256" }, { "hmac-sha2-384", "sha384" }, { "hmac-sha2-512", "sha512" },
	{ "hmac-md5", "md5" }, { "aes-128", "aes128" }, { "aes-192", "aes192" }, { "aes-256", "aes256" },
	{ "aes-128-gcm", "aes128gcm16" }, { "aes-256-gcm", "aes256gcm16" }, { "aes-128-gcm-12", "aes128gcm12" },
	{ "aes-256-gcm-12", "aes256gcm12" }, { "aes-128-ctr", "aes128ctr" }, { "aes-256-ctr", "aes256ctr" },
	{ "chacha20-poly1305", "chacha20poly1305" }, { "curve25519", "x25519" }, { "grp14", "modp2048" }, { "grp15", "modp3072" },
	{ "grp16", "modp4096" }, { "grp19", "ecp256" }, { "grp20", "ecp384" }, { "grp21", "ecp521" }, { "grp31", "x25519" },
};

static const char *alg_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (!strcmp(word, algs[i][0]))
			return algs[i][1];
	return word;
}

/* "auth hmac-sha2-256 enc aes-256 group modp2048 …" up to another word; added to a list of proposals. */
static void proposal(struct policy *p, char *list, size_t cap, bool esp)
{
	static const char *const words[] = { "enc", "auth", "prf", "group" };
	char text[512] = "", ours[1024];
	struct text t = text_of(text, sizeof text);
	size_t used = strlen(list);
	bool any = true;

	while (any) {
		any = take(p, "esn") || take(p, "noesn");
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (take(p, words[i])) {
				text_fmt(&t, "%s%s%s", t.n ? "-" : "", !strcmp(words[i], "prf") ? "prf" : "", alg_of(next(p)));
				any = true;
			}
	}
	if (t.n && import_proposals(p->k->im, text, esp, ours, sizeof ours))
		snprintf(list + used, cap - used, "%s%s", used ? ", " : "", ours);
}

static void put_auth(struct policy *p)
{
	struct import *im = p->k->im;

	if (take(p, "psk")) {
		struct conf_node *s = import_secret(im, "ike");
		import_set(im, p->local, "auth", "psk");
		import_set(im, p->remote, "auth", "psk");
		const char *src = conf_node_str(p->local, "id"), *dst = conf_node_str(p->remote, "id");
		import_set(im, s, "id-1", src);
		import_set(im, s, "id-2", dst);
		if (p->at < p->k->n && !p->k->quoted[p->at] && !strcmp(peek(p), "file"))
			import_report(im, "psk file: put the secret itself into secrets");
		import_set(im, s, "secret", next(p));
	} else if (take(p, "eap")) {
		char method[64];
		snprintf(method, sizeof method, "eap-%.50s", next(p));
		if (!strcmp(method, "eap-mschap-v2"))
			snprintf(method, sizeof method, "eap-mschapv2");
		import_set(im, p->local, "auth", "pubkey");
		import_set(im, p->remote, "auth", method);
	}
}

static void put_config(struct policy *p)
{
	struct import *im = p->k->im;
	const char *what = next(p), *value = next(p);

	if (!strcmp(what, "address") && strchr(value, '/')) {
		struct conf_node *pool = import_section(im, "pools", p->name);
		import_set(im, pool, "addrs", value);
		import_set(im, p->conn, "pools", p->name);
	} else if (!strcmp(what, "name-server") && conf_node_child(im->root, "pools")) {
		import_set(im, import_section(im, "pools", p->name), "dns", value);
	} else {
		import_report(im, "config %s %s has no meaning here", what, value);
	}
}

/* Words of a policy with one value behind them that have no meaning here. */
static const char *const one_value[] = { "tag", "tap", "iface", "dynamic", "stickyaddress", "nat-keepalive" };

static void policy_word(struct policy *p)
{
	struct import *im = p->k->im;
	char id[1024];

	if (take(p, "active")) {
		p->active = true;
	} else if (take(p, "passive") || take(p, "quick") || take(p, "default")) {
		;
	} else if (take(p, "tunnel") || take(p, "transport")) {
		snprintf(p->mode, sizeof p->mode, "%.15s", p->k->word[p->at - 1]);
	} else if (take(p, "ipcomp")) {
		p->ipcomp = true;
	} else if (take(p, "esp") || take(p, "inet") || take(p, "inet6")) {
		;
	} else if (take(p, "skip")) {
		import_report(im, "skip: a connection to nobody is not written");
	} else if (take(p, "ah")) {
		import_report(im, "ah: write ah_proposals for it");
	} else if (take(p, "proto")) {
		snprintf(p->proto, sizeof p->proto, "%.31s", next(p));
	} else if (take(p, "from")) {
		struct pair *one = &p->pair[p->n < PAIRS_MAX ? p->n++ : PAIRS_MAX - 1];
		*one = (struct pair){ 0 };
		network(p, one->from, one->from_port);
		if (take(p, "to"))
			network(p, one->to, one->to_port);
	} else if (take(p, "local") || take(p, "peer")) {
		bool peer = !strcmp(p->k->word[p->at - 1], "peer");
		const char *a = next(p);
		if (strcmp(a, "any"))
			import_set(im, p->conn, peer ? "remote_addrs" : "local_addrs", a);
	} else if (take(p, "ikesa")) {
		proposal(p, p->ike, sizeof p->ike, false);
	} else if (take(p, "childsa")) {
		proposal(p, p->esp, sizeof p->esp, true);
	} else if (take(p, "srcid") || take(p, "dstid")) {
		bool src = !strcmp(p->k->word[p->at - 1], "srcid");
		import_set(im, src ? p->local : p->remote, "id", import_id(next(p), id, sizeof id));
	} else if (take(p, "ikelifetime")) {
		const char *t = next(p);
		uint64_t s;
		if (import_time(t, &s) && s)
			import_put_time(im, p->conn, "rekey_time", s);
	} else if (take(p, "lifetime")) {
		const char *t = next(p);
		if (!import_time(t, &p->life))
			import_report(im, "'%s' is no time", t);
		if (take(p, "bytes"))
			import_report(im, "lifetime bytes %s: write rekey_bytes into the child", next(p));
	} else if (!strcmp(peek(p), "psk") || !strcmp(peek(p), "eap")) {
		put_auth(p);
	} else if (take(p, "rsa") || take(p, "ecdsa256") || take(p, "ecdsa384") || take(p, "ecdsa521") || take(p, "rfc7427")) {
		import_set(im, p->local, "auth", "pubkey");
		import_set(im, p->remote, "auth", "pubkey");
		import_report(im, "the keys of /etc/iked are not taken over: name certificates in local.certs and remote.certs");
	} else if (take(p, "config") || take(p, "request")) {
		if (!strcmp(p->k->word[p->at - 1], "request")) {
			const char *what = next(p), *value = next(p);
			if (!strcmp(what, "address"))
				import_set(im, p->conn, "vips", !strcmp(value, "any") ? "0.0.0.0" : value);
			else
				import_report(im, "request %s %s has no meaning here", what, value);
		} else {
			put_config(p);
		}
	} else {
		for (size_t i = 0; i < ARRAY_LEN(one_value); i++)
			if (take(p, one_value[i])) {
				import_report(im, "%s %s has no meaning here", one_value[i], next(p));
				return;
			}
		import_report(im, "'%s' is not known", next(p));
	}
}

static void put_selector(struct policy *p, struct conf_node *child, const char *key, const char *net, const char *port)
{
	char out[256];

	if (!strcmp(net, "any"))
		net = "0.0.0.0/0";
	if (!strcmp(net, "dynamic"))
		net = "dynamic";
	if (*p->proto || *port)
		snprintf(out, sizeof out, "%s[%s%s%s]", net, *p->proto ? p->proto : "0", *port ? "/" : "", port);
	else
		snprintf(out, sizeof out, "%s", net);
	import_set(p->k->im, child, key, out);
}

static void put_children(struct policy *p)
{
	struct import *im = p->k->im;

	for (size_t i = 0; i < p->n; i++) {
		char name[32];
		snprintf(name, sizeof name, "net-%zu", i + 1);
		struct conf_node *child = conf_node_section(p->children, p->n == 1 ? "net" : name);
		put_selector(p, child, "local_ts", p->pair[i].from, p->pair[i].from_port);
		put_selector(p, child, "remote_ts", p->pair[i].to, p->pair[i].to_port);
		import_set(im, child, "esp_proposals", p->esp);
		import_set(im, child, "mode", strcmp(p->mode, "tunnel") ? p->mode : "");
		import_set(im, child, "ipcomp", p->ipcomp ? "yes" : "");
		import_set(im, child, "start_action", p->active ? "start" : "");
		if (p->life)
			import_put_time(im, child, "life_time", p->life);
	}
}

static void put_policy(struct iked *k)
{
	struct policy p = { .k = k, .at = 1 };

	k->policies++;
	if (k->n > 1 && k->quoted[1])
		snprintf(p.name, sizeof p.name, "%s", k->word[p.at++]);
	else
		snprintf(p.name, sizeof p.name, "policy-%u", k->policies);
	p.conn = import_section(k->im, "connections", p.name);
	if (!p.conn)
		return;
	import_set(k->im, p.conn, "version", "2");
	p.local = conf_node_section(p.conn, "local");
	p.remote = conf_node_section(p.conn, "remote");
	p.children = conf_node_section(p.conn, "children");
	if (!p.local || !p.remote || !p.children) {
		k->im->failed = true;
		return;
	}
	while (p.at < k->n)
		policy_word(&p);
	/* Without a word about it a policy authenticates with keys. */
	if (!conf_node_child(p.local, "auth")) {
		import_set(k->im, p.local, "auth", "pubkey");
		import_set(k->im, p.remote, "auth", "pubkey");
		import_report(k->im, "the keys of /etc/iked are not taken over: name certificates in local.certs and remote.certs");
	}
	import_set(k->im, p.conn, "proposals", p.ike);
	put_children(&p);
}

/* ---- the file -------------------------------------------------------------------------------------------------------- */

static void put_line(struct iked *k)
{
	const char *first = k->n ? k->word[0] : "";

	if (k->n >= 3 && !strcmp(k->word[1], "=") && k->n_macros < MACROS_MAX) {
		struct macro *m = &k->macros[k->n_macros];
		char all[2048] = "";
		struct text t = text_of(all, sizeof all);
		for (size_t i = 2; i < k->n; i++)
			text_fmt(&t, "%s%s%s%s", t.n ? " " : "", k->quoted[i] && k->n > 3 ? "\"" : "", k->word[i],
				k->quoted[i] && k->n > 3 ? "\"" : "");
		m->name = strdup(first);
		m->value = strdup(all);
		k->im->failed = k->im->failed || !m->name || !m->value;
		k->n_macros += m->name && m->value;
	} else if (!strcmp(first, "user") && k->n == 3) {
		struct conf_node *s = import_secret(k->im, "eap");
		import_set(k->im, s, "id-1", k->word[1]);
		import_set(k->im, s, "secret", k->word[2]);
	} else if (!strcmp(first, "set") && k->n > 1) {
		import_report(k->im, "set %s%s%s has no meaning here, or is the default", k->word[1], k->n > 2 ? " " : "",
			k->n > 2 ? k->word[2] : "");
	} else if (!strcmp(first, "include")) {
		import_report(k->im, "include \"%s\": name the file on the command line", k->n > 1 ? k->word[1] : "");
	} else if (!strcmp(first, "ikev2")) {
		put_policy(k);
	} else if (k->n) {
		import_report(k->im, "'%s' is no line of iked.conf that is known", first);
	}
}

void import_iked(struct import *im, const char *path)
{
	struct iked k = { .im = im };
	FILE *f = fopen(path, "re");
	char *text = NULL, *whole = calloc(1, 1);
	size_t cap = 0, len = 0;
	uint32_t line = 0;

	im->file = path;
	im->line = 0;
	if (!f || !whole) {
		import_report(im, "cannot be read");
		im->failed = true;
		free(whole);
		if (f)
			fclose(f);
		return;
	}
	while (getline(&text, &cap, f) >= 0 && !im->failed) {
		size_t n = strlen(text);
		line++;
		if (!len)
			im->line = line;
		while (n && strchr("\r\n", text[n - 1]))
			text[--n] = 0;
		if (*text == '#')
			n = 0;
		bool more = n && text[n - 1] == '\\';
		char *grown = realloc(whole, len + n + 2);
		if (!grown) {
			im->failed = true;
			break;
		}
		whole = grown;
		memcpy(whole + len, text, n + 1);
		len += n - more;
		whole[len] = 0;
		if (more) {
			whole[len++] = ' ';
			whole[len] = 0;
			continue;
		}
		split(&k, whole, 0);
		put_line(&k);
		words_free(&k);
		len = 0;
	}
	while (k.n_macros) {
		free(k.macros[--k.n_macros].name);
		free(k.macros[k.n_macros].value);
	}
	free(text);
	free(whole);
	fclose(f);
}
