/* SPDX-License-Identifier: Apache-2.0 */
/* adit import: what the importers share, and the command. */
#include "tools/adit/cli.h"
#include "tools/adit/import.h"

#include "api/json/conf_json.h"
#include "config/parse.h"
#include "config/typed.h"
#include "config/value.h"
#include "config/write.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void import_report(struct import *im, const char *fmt, ...)
{
	va_list ap;

	im->reported++;
	fprintf(stderr, "%s:%u: ", im->file ? im->file : "", im->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void import_set(struct import *im, struct conf_node *at, const char *key, const char *value)
{
	if (!at || !value || !*value)
		return;
	if (conf_node_set_str(at, key, value))
		im->mapped++;
	else
		im->failed = true;
}

struct conf_node *import_section(struct import *im, const char *section, const char *name)
{
	struct conf_node *top = conf_node_section(im->root, section);
	char clean[CONF_NAME_MAX + 1];
	size_t n = 0;

	for (; *name && n < sizeof clean - 1; name++)
		clean[n++] = isalnum((unsigned char)*name) || strchr("-_%/", *name) ? *name : '-';
	clean[n] = 0;
	struct conf_node *at = top ? conf_node_section(top, clean) : NULL;
	im->failed = im->failed || !at;
	return at;
}

struct conf_node *import_secret(struct import *im, const char *kind)
{
	char name[64];

	snprintf(name, sizeof name, "%s-%u", kind, ++im->secrets);
	return import_section(im, "secrets", name);
}

bool import_time(const char *text, uint64_t *s)
{
	return conf_value_time_s(slice_str(text), s) == 0;
}

void import_put_time(struct import *im, struct conf_node *at, const char *key, uint64_t s)
{
	char buf[32];

	snprintf(buf, sizeof buf, "%" PRIu64 "s", s);
	import_set(im, at, key, buf);
}

const char *import_id(const char *text, char *buf, size_t cap)
{
	size_t n = strlen(text);

	if (n > 1 && text[0] == '"' && text[n - 1] == '"')
		snprintf(buf, cap, "%.*s", (int)(n - 2), text + 1);
	else
		snprintf(buf, cap, "%s", text);
	return buf;
}

/* Words of other dialects for ours. */
static const char *const algs[][2] = {
	{ "aes_gcm", "aes128gcm16" }, { "aes_gcm128", "aes128gcm16" }, { "aes_gcm_128", "aes128gcm16" },
	{ "aes_gcm256", "aes256gcm16" }, { "aes_gcm_256", "aes256gcm16" }, { "aes_gcm192", "aes192gcm16" },
	{ "aes_gcm_c256", "aes256gcm16" }, { "aes_gcm_c128", "aes128gcm16" }, { "aes_gcm_c", "aes128gcm16" },
	{ "aes_cbc", "aes128" }, { "aes_cbc128", "aes128" }, { "aes_cbc256", "aes256" }, { "aes_ctr", "aes128ctr" },
	{ "aes_ctr256", "aes256ctr" }, { "aes_ctr128", "aes128ctr" }, { "aes", "aes128" }, { "chacha20_poly1305", "chacha20poly1305" },
	{ "sha2", "sha256" }, { "sha2_256", "sha256" }, { "sha2_384", "sha384" }, { "sha2_512", "sha512" }, { "hmac_sha2_256", "sha256" },
	{ "sha", "sha1" }, { "dh2", "modp1024" }, { "dh5", "modp1536" }, { "dh14", "modp2048" }, { "dh15", "modp3072" },
	{ "dh16", "modp4096" }, { "dh17", "modp6144" }, { "dh18", "modp8192" }, { "dh19", "ecp256" }, { "dh20", "ecp384" },
	{ "dh21", "ecp521" }, { "dh31", "x25519" },
};

static const char *alg_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (!strcasecmp(word, algs[i][0]))
			return algs[i][1];
	return word;
}

bool import_proposals(struct import *im, const char *text, bool esp, char *out, size_t cap)
{
	struct text t = text_of(out, cap);
	char word[64];
	bool strict = false, bad = false, aead = false;
	size_t n = 0;

	for (const char *p = text;; p++) {
		if (*p && !strchr("-+;,!", *p) && !isspace((unsigned char)*p)) {
			if (n < sizeof word - 1)
				word[n++] = (char)tolower((unsigned char)*p);
			continue;
		}
		word[n] = 0;
		if (n) {
			const char *ours = alg_of(word);
			/* Beside a combined algorithm a hash is the PRF's. */
			aead = aead || strstr(ours, "gcm") || strstr(ours, "ccm") || !strncmp(ours, "chacha", 6);
			text_fmt(&t, "%s%s", aead && !esp && (!strncmp(ours, "sha", 3) || !strncmp(ours, "md5", 3)) ? "prf" : "", ours);
		}
		n = 0;
		strict = strict || *p == '!';
		if (!*p)
			break;
		/* Everything within one proposal stands between dashes here. */
		if (*p == ',') {
			text_str(&t, ", ");
			aead = false;
		}
		if (strchr("-+;", *p) && t.n && out[t.n - 1] != '-')
			text_str(&t, "-");
	}
	while (t.n && (out[t.n - 1] == '-' || out[t.n - 1] == ' '))
		out[--t.n] = 0;
	if (!strict && im->defaults && t.n)
		text_str(&t, ", default");
	/* Tried with the reader that will read it. */
	struct conf_node *root = conf_node_section(NULL, ""), *c = root ? conf_node_section(root, "c") : NULL;
	struct diag *why = NULL;
	struct conf_conn *conn = NULL;
	static const struct conf_can all;
	const char *sides[] = { "local", "remote" };
	for (size_t i = 0; c && i < 2; i++) {
		struct conf_node *s = conf_node_section(c, sides[i]);
		if (!s || !conf_node_set_str(s, "auth", "psk"))
			bad = true;
	}
	struct conf_node *at = !c ? NULL : esp ? conf_node_section(conf_node_section(c, "children"), "n") : c;
	if (at && conf_node_set_str(at, esp ? "esp_proposals" : "proposals", out) && conf_conn_from(c, &all, &conn, &why)) {
		import_report(im, "'%s' cannot be mapped: %s", text, why && why->text ? why->text : "not a proposal here");
		bad = true;
	}
	conf_conn_unref(&conn);
	diag_free(&why);
	conf_node_free(&root);
	return !bad;
}

/* ---- strongswan.conf ------------------------------------------------------------------------------------------------- */

static unsigned values_of(const struct conf_node *n)
{
	unsigned sum = 0;
	if (n && n->kind == CONF_VALUE)
		return 1;
	for (const struct conf_node *c = n ? n->first : NULL; c; c = c->next)
		sum += values_of(c);
	return sum;
}

void import_strongswan_conf(struct import *im, const char *path)
{
	struct conf_node *root = NULL;
	struct diag *notes = NULL, *why = NULL;

	err_t e = conf_parse_file(path, NULL, &root, &why);
	if (!e)
		e = conf_swan_map(root, im->root, &notes, &why);
	for (const struct diag *d = notes; d; d = d->next) {
		im->file = d->file ? d->file : path;
		im->line = d->line;
		import_report(im, "%s", d->text);
	}
	if (e) {
		cli_diag(why);
		im->failed = true;
	}
	im->mapped += values_of(conf_node_child(im->root, "aditd"));
	diag_free(&notes);
	diag_free(&why);
	conf_node_free(&root);
}

/* ---- the command ------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*run)(struct import *im, const char *path);
	bool libreswan;
} formats[] = {
	{ "strongswan-conf", import_strongswan_conf, false },
	{ "ipsec-conf", import_ipsec_conf, false },
	{ "libreswan", import_ipsec_conf, true },
	{ "iked", import_iked, false },
};

/* Does the result pass the check? What does not is said. */
static enum cli_exit check(const struct conf_node *root)
{
	static const struct conf_can all;
	struct diag *why = NULL;
	struct conf_set set;
	err_t e = conf_set_from(root, &all, &set, &why);

	if (!e) {
		conf_set_fini(&set);
		return CLI_OK;
	}
	fprintf(stderr, "the result is not complete yet:\n");
	cli_diag(why);
	diag_free(&why);
	return CLI_CONFIG;
}

static enum cli_exit write_out(const struct cli *c, const struct import *im)
{
	FILE *f = stdout;
	mode_t old = umask(077); /* it holds secrets */

	if (c->output)
		f = fopen(c->output, "we");
	umask(old);
	if (!f)
		return cli_fail(CLI_FAILED, "cannot write %s: %s", c->output, strerror(errno));
	if (c->json) {
		json_t *j = conf_json(im->root, &conf_schema_root);
		if (cli_yaml)
			cli_print_yaml(f, j);
		else
			json_dumpf(j, f, JSON_INDENT(2));
		json_decref(j);
	} else {
		char *text = conf_write(im->root, &conf_schema_root, 0, 0, NULL);
		fprintf(f, "# made by \"adit import --from %s\"\n%s", c->from, text ? text : "");
		free(text);
	}
	if (f != stdout && fclose(f))
		return cli_fail(CLI_FAILED, "cannot write %s", c->output);
	return CLI_OK;
}

enum cli_exit cmd_import(struct cli *c)
{
	struct import im = { .root = conf_node_section(NULL, "") };
	size_t i = 0;

	while (c->from && i < ARRAY_LEN(formats) && strcmp(formats[i].name, c->from))
		i++;
	if (!c->from || i == ARRAY_LEN(formats) || !im.root) {
		conf_node_free(&im.root);
		return cli_fail(CLI_USAGE, "import --from strongswan-conf|ipsec-conf|libreswan|iked FILE…");
	}
	im.libreswan = formats[i].libreswan;
	im.defaults = formats[i].run == import_ipsec_conf && !im.libreswan;
	for (int k = 0; k < c->n_words && !im.failed; k++) {
		size_t n = strlen(c->word[k]);
		/* Secrets stand in a file of their own there. */
		if (formats[i].run == import_ipsec_conf && n > 8 && !strcmp(c->word[k] + n - 8, ".secrets"))
			import_ipsec_secrets(&im, c->word[k]);
		else
			formats[i].run(&im, c->word[k]);
	}
	enum cli_exit code = im.failed ? CLI_FAILED : write_out(c, &im);
	if (!code) {
		fprintf(stderr, "%u settings mapped, %u lines could not be\n", im.mapped, im.reported);
		code = check(im.root);
	}
	conf_node_free(&im.root);
	return code;
}
