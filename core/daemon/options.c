/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/options.h"
#include "daemon/version.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPT_CONFIG = 256, OPT_SWAN, OPT_SOCKET, OPT_PIDFILE, OPT_PLUGINS, OPT_LOG, OPT_WORKERS, OPT_PORT, OPT_NATT,
	OPT_FOREGROUND, OPT_DEBUG, OPT_VERSION, OPT_MANUAL, OPT_HELP };

const struct options_row options_rows[] = {
	{ "config", "FILE", OPT_CONFIG, "connections, secrets and aditd { } (syntax of swanctl.conf); none: wait for "
		"the API" },
	{ "strongswan-conf", "FILE", OPT_SWAN, "also take the settings of a strongswan.conf that have a meaning here" },
	{ "socket", "PATH", OPT_SOCKET, "socket of the message API (default " ADIT_RUN_DIR "/aditd.sock)" },
	{ "pidfile", "PATH", OPT_PIDFILE, "pid file (default " ADIT_RUN_DIR "/aditd.pid)" },
	{ "plugin-dir", "DIR", OPT_PLUGINS, "folder of the plugins (default " ADIT_PLUGIN_DIR ")" },
	{ "log", "SPEC", OPT_LOG, "levels on standard error, as \"1, ike=2\" (default 1)" },
	{ "workers", "N", OPT_WORKERS, "threads for key exchange, 0 to 256 (default: processors - 1)" },
	{ "port", "N", OPT_PORT, "UDP port of IKE (default 500; 0: any free one)" },
	{ "port-natt", "N", OPT_NATT, "UDP port of IKE and ESP behind NAT (default 4500; 0: any free one)" },
	{ "foreground", NULL, OPT_FOREGROUND, "stay in the foreground and log on standard error" },
	{ "debug", NULL, OPT_DEBUG, "allow core dumps and debuggers" },
	{ "version", NULL, OPT_VERSION, "print the version" },
	{ "manual", NULL, OPT_MANUAL, "print the manual page" },
	{ "help", NULL, OPT_HELP, "print this" },
};
const size_t options_n_rows = ARRAY_LEN(options_rows);

static void help(void)
{
	puts("aditd: IKE daemon. Usage: aditd [options]");
	for (size_t i = 0; i < ARRAY_LEN(options_rows); i++)
		printf("  --%s%s%-*s %s\n", options_rows[i].name, options_rows[i].arg ? " " : "",
			22 - (int)strlen(options_rows[i].name) - (options_rows[i].arg ? 1 : 0), options_rows[i].arg ? options_rows[i].arg : "",
			options_rows[i].doc);
}

static bool number(const char *option, const char *s, int max, int *out)
{
	char *end;
	long v = strtol(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || v > max) {
		fprintf(stderr, "aditd: --%s %s: expected a number from 0 to %d\n", option, s, max);
		return false;
	}
	*out = (int)v;
	return true;
}

static enum options_verdict take(struct options *o, int code, const char *arg)
{
	const char **text[] = { &o->config, &o->strongswan_conf, &o->socket, &o->pidfile, &o->plugin_dir, &o->log };

	if (code >= OPT_CONFIG && code <= OPT_LOG) {
		*text[code - OPT_CONFIG] = arg;
		return OPTIONS_RUN;
	}
	switch (code) {
	case OPT_WORKERS:
		return number("workers", arg, 256, &o->workers) ? OPTIONS_RUN : OPTIONS_WRONG;
	case OPT_PORT:
		return number("port", arg, 65535, &o->port) ? OPTIONS_RUN : OPTIONS_WRONG;
	case OPT_NATT:
		return number("port-natt", arg, 65535, &o->port_natt) ? OPTIONS_RUN : OPTIONS_WRONG;
	case OPT_FOREGROUND:
		o->foreground = true;
		return OPTIONS_RUN;
	case OPT_DEBUG:
		o->debug = true;
		return OPTIONS_RUN;
	case OPT_VERSION:
		puts("aditd " ADIT_VERSION);
		return OPTIONS_DONE;
	case OPT_MANUAL:
		options_manual();
		return OPTIONS_DONE;
	case OPT_HELP:
		help();
		return OPTIONS_DONE;
	default: /* getopt_long has said which one */
		fprintf(stderr, "aditd --help lists the options\n");
		return OPTIONS_WRONG;
	}
}

enum options_verdict options_parse(int argc, char *argv[], struct options *out)
{
	struct option v[ARRAY_LEN(options_rows) + 1] = { 0 };
	enum options_verdict verdict = OPTIONS_RUN;
	int code;

	*out = (struct options){ .workers = -1, .port = -1, .port_natt = -1 };
	for (size_t i = 0; i < ARRAY_LEN(options_rows); i++)
		v[i] = (struct option){ options_rows[i].name, options_rows[i].arg ? required_argument : no_argument, NULL,
			options_rows[i].code };
	while (verdict == OPTIONS_RUN && (code = getopt_long(argc, argv, "", v, NULL)) != -1)
		verdict = take(out, code, optarg);
	if (verdict == OPTIONS_RUN && optind < argc) {
		fprintf(stderr, "aditd: unexpected argument \"%s\" (aditd --help lists the options)\n", argv[optind]);
		verdict = OPTIONS_WRONG;
	}
	return verdict;
}
