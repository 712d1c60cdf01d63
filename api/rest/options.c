/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "api/rest/options.h"

#include "api/rest/auth.h"
#include "config/parse.h"

#include <errno.h>
#include <getopt.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Options beside those of the settings. */
enum { O_CONFIG = 1, O_LOG, O_HELP, O_VERSION, O_ROLE, O_EXPIRES, O_CERT, O_KEY };
static const struct option own[] = {
	{ "config", required_argument, NULL, O_CONFIG }, { "log", required_argument, NULL, O_LOG },
	{ "help", no_argument, NULL, O_HELP },		 { "version", no_argument, NULL, O_VERSION },
	{ "role", required_argument, NULL, O_ROLE },	 { "expires", required_argument, NULL, O_EXPIRES },
	{ "cert", required_argument, NULL, O_CERT },
};
enum { KEYS_MAX = 32, NAME_BYTES = 32 };

struct words {
	const char *expires, *cert, *role;
	struct conf_node *root, *rest;
	char names[KEYS_MAX][NAME_BYTES];
	struct option all[KEYS_MAX + ARRAY_LEN(own) + 1];
};

static void usage(FILE *f)
{
	fprintf(f,
		"usage: adit-rest [--config FILE] [OPTION…]            serve the REST API and the web page\n"
		"       adit-rest token add NAME --role read|operate|configure [--expires 90d] [--cert FILE.pem]\n"
		"       adit-rest token list\n"
		"       adit-rest token revoke NAME\n\n"
		"  --config FILE          settings: rest { … } (%s when it is there)\n"
		"  --log LEVELS           \"1\", \"api=2\": what is told on standard error\n"
		"  --version, --help\n\nEvery setting is an option, too:\n",
		ADIT_SYSCONF_DIR "/adit/rest.conf");
	for (size_t i = 0; i < conf_schema_rest.n; i++) {
		const struct conf_key *k = &conf_schema_rest.keys[i];
		int n = fprintf(f, "  --%s", k->name);
		for (const char *p = k->name; n < 25; n++, p++)
			fputc(' ', f);
		fprintf(f, "%s%s%s%s\n", k->doc, k->def ? " (" : "", k->def ? k->def : "", k->def ? ")" : "");
	}
}

static void table(struct words *w)
{
	size_t n = 0;
	for (; n < conf_schema_rest.n && n < KEYS_MAX; n++) {
		snprintf(w->names[n], NAME_BYTES, "%s", conf_schema_rest.keys[n].name);
		for (char *p = w->names[n]; *p; p++)
			*p = *p == '_' ? '-' : *p;
		w->all[n] = (struct option){ w->names[n], required_argument, NULL, O_KEY + (int)n };
	}
	memcpy(w->all + n, own, sizeof own);
}

/* "90d", "12h", "30m", "45s": seconds from now. */
static bool expires(const char *text, uint64_t *out)
{
	static const struct { char unit; uint64_t s; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'y', 31536000 } };
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (*text >= '1' && *text <= '9' && *end == units[i].unit && !end[1] && n < 1000000) {
			*out = (uint64_t)time(NULL) + n * units[i].s;
			return true;
		}
	return false;
}

static err_t read_cert(const char *path, struct rest_options *o, struct diag **why)
{
	gnutls_datum_t pem = { 0 }, der = { 0 };
	gnutls_x509_crt_t c = NULL;
	int bad = gnutls_load_file(path, &pem);
	if (bad)
		return diag_set(why, E_IO, "cannot read %s", path);
	bad = gnutls_x509_crt_init(&c);
	if (!bad)
		bad = gnutls_x509_crt_import(c, &pem, GNUTLS_X509_FMT_PEM);
	if (!bad)
		bad = gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_DER, &der);
	if (!bad && (o->der = malloc(der.size))) {
		memcpy(o->der, der.data, der.size);
		o->der_n = der.size;
	}
	if (c)
		gnutls_x509_crt_deinit(c);
	gnutls_free(pem.data);
	gnutls_free(der.data);
	return o->der ? 0 : diag_set(why, E_BAD_VALUE, "%s: no certificate in PEM: %s", path, gnutls_strerror(bad));
}

/* The words behind the options; exit code or REST_OPTIONS_GO. */
static int command(int argc, char *argv[], const struct words *w, struct rest_options *o)
{
	static const struct { const char *verb; enum rest_command command; int n; } verbs[] = {
		{ "add", REST_TOKEN_ADD, 3 }, { "list", REST_TOKEN_LIST, 2 }, { "revoke", REST_TOKEN_REVOKE, 3 } };
	int n = argc - optind;
	if (!n)
		return REST_OPTIONS_GO;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(argv[optind], "token") && n == verbs[i].n && !strcmp(argv[optind + 1], verbs[i].verb)) {
			o->command = verbs[i].command;
			o->name = n > 2 ? argv[optind + 2] : NULL;
		}
	if (o->command == REST_SERVE) {
		fprintf(stderr, "adit-rest: wrong command; \"adit-rest --help\" shows them\n");
		return 2;
	}
	o->role = w->role ? auth_role(w->role) : API_PERM_NONE;
	if (o->command == REST_TOKEN_ADD && !o->role) {
		fprintf(stderr, "adit-rest: token add needs --role read, operate or configure\n");
		return 2;
	}
	if (w->expires && !expires(w->expires, &o->expires_s)) {
		fprintf(stderr, "adit-rest: '%s' is no duration: 90d, 12h, 30m\n", w->expires);
		return 2;
	}
	return REST_OPTIONS_GO;
}

/* The file first, so that options win. */
static err_t read_file(struct rest_options *o, struct words *w, struct diag **why)
{
	static const char usual[] = ADIT_SYSCONF_DIR "/adit/rest.conf";
	if (!o->config && !access(usual, F_OK))
		o->config = strdup(usual);
	err_t err = o->config ? conf_parse_file(o->config, NULL, &w->root, why) : 0;
	if (!err && !w->root)
		w->root = conf_node_section(NULL, "");
	if (!err && !w->root)
		err = E_NOMEM;
	if (!err)
		err = conf_check(&conf_schema_rest_top, w->root, NULL, why);
	w->rest = err ? NULL : conf_node_section(w->root, "rest");
	return err ? err : w->rest ? 0 : E_NOMEM;
}

static int go_over(int argc, char *argv[], struct words *w, struct rest_options *o, struct diag **why)
{
	/* Twice: the file is named by an option and has to be read before the others are put over it. */
	for (int round = 0; round < 2; round++) {
		optind = 1;
		for (int c; (c = getopt_long(argc, argv, "", w->all, NULL)) != -1;) {
			if (c == '?')
				return 2;
			if (round && c >= O_KEY && !conf_node_set_str(w->rest, conf_schema_rest.keys[c - O_KEY].name, optarg))
				return 1;
			if (round)
				continue;
			switch (c) {
			case O_CONFIG:
				free(o->config);
				o->config = strdup(optarg);
				break;
			case O_LOG: o->log = optarg; break;
			case O_ROLE: w->role = optarg; break;
			case O_EXPIRES: w->expires = optarg; break;
			case O_CERT: w->cert = optarg; break;
			case O_HELP: usage(stdout); return 0;
			case O_VERSION: printf("adit-rest %s\n", PACKAGE_VERSION); return 0;
			default: break;
			}
		}
		if (!round && read_file(o, w, why))
			return 1;
	}
	return REST_OPTIONS_GO;
}

int rest_options_parse(int argc, char *argv[], struct rest_options *o, struct diag **why)
{
	static const char usual_tokens[] = ADIT_SYSCONF_DIR "/adit/rest.tokens", usual_web[] = ADIT_WEB_DIR;
	struct words w = { 0 };
	*o = (struct rest_options){ 0 };
	table(&w);
	int code = go_over(argc, argv, &w, o, why);
	if (code == REST_OPTIONS_GO)
		code = command(argc, argv, &w, o);
	if (code == REST_OPTIONS_GO && conf_rest_from(w.rest, &o->conf, why))
		code = 1;
	if (code == REST_OPTIONS_GO && w.cert && read_cert(w.cert, o, why))
		code = 1;
	if (code == REST_OPTIONS_GO) {
		o->tokens = o->conf->tokens ? o->conf->tokens : usual_tokens;
		o->web = o->conf->web ? o->conf->web : usual_web;
	}
	conf_node_free(&w.root);
	return code;
}

void rest_options_fini(struct rest_options *o)
{
	conf_rest_free(o->conf);
	free(o->config);
	free(o->der);
}
