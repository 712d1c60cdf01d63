/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the command line as one table: what is parsed, helped, completed and in the manual. */
#include "tools/adit/cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define FLAG(field) offsetof(struct cli, field), NULL
#define TEXT(field, what) offsetof(struct cli, field), what

const struct cli_option cli_options[] = {
	{ "socket", TEXT(socket, "PATH"), false, "socket of aditd (or ADIT_SOCKET in the environment)" },
	{ "json", FLAG(json), false, "answers as JSON" },
	{ "yaml", FLAG(yaml), false, "answers as YAML" },
	{ "watch", TEXT(watch, "SECONDS"), true, "ask again and again, until Ctrl-C" },
	{ "child", TEXT(child, "CHILD"), false, "of this child alone" },
	{ "force", FLAG(force), false, "do not wait for the peer" },
	{ "reauth", FLAG(reauth), false, "authenticate anew" },
	{ "all", FLAG(all), false, "of everything; config load: the file is all there is" },
	{ "ike-id", TEXT(ike_id, "N"), true, "the IKE SA of this number" },
	{ "child-id", TEXT(child_id, "N"), true, "the child SA of this number" },
	{ "timeout", TEXT(timeout, "MS"), true, "wait this long, then give up waiting" },
	{ "loglevel", TEXT(loglevel, "N"), true, "highest level of the log lines that are shown" },
	{ "merge", FLAG(merge), false, "config load: what is not in the file stays" },
	{ "defaults", FLAG(defaults), false, "config show: with the keys that are not set" },
	{ "section", TEXT(section, "NAME"), false, "config show: of this section alone" },
	{ "transaction", TEXT(transaction, "N"), true, "the transaction of this number, not the last one" },
	{ "confirm", TEXT(confirm, "TIME"), false, "taken back after this time (60s) unless confirmed" },
	{ "comment", TEXT(comment, "TEXT"), false, "for the history" },
	{ "no-effects", FLAG(no_effects), false, "living SAs keep the version they were made with" },
	{ "yes", FLAG(yes), false, "do not ask" },
	{ "from", TEXT(from, "FORMAT"), false, "import: strongswan-conf, ipsec-conf, libreswan or iked" },
	{ "output", TEXT(output, "FILE"), false, "write to this file" },
	{ "levels", TEXT(levels, "SPEC"), false, "log levels, as \"1, ike=3\"" },
	{ "peer", TEXT(peer, "ADDRESS"), false, "of this address, network or range of a peer" },
	{ "gateway", TEXT(gateway, "ADDRESS"), false, "the other gateway: an address or a name" },
	{ "local", TEXT(local, "ADDRESS"), false, "the address of ours that is called" },
	{ "remote-id", TEXT(remote_id, "ID"), false, "identity of the peer" },
	{ "local-id", TEXT(local_id, "ID"), false, "identity of ours" },
	{ "sink", TEXT(sink, "NAME"), false, "log set: of this sink alone" },
	{ "ike", TEXT(ike, "NAME"), false, "log set: what is about this connection" },
	{ "identity", TEXT(identity, "ID"), false, "log set: what is about the peer of this identity" },
	{ "seconds", TEXT(seconds, "N"), true, "log set: how long, 0 until it is taken back" },
	{ "help", FLAG(help), false, "how a command is written" },
};
const size_t cli_n_options = ARRAY_LEN(cli_options);

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == 0 && strlen(text) < 19;
}

bool cli_options_parse(struct cli *c, int argc, char *argv[])
{
	struct option v[ARRAY_LEN(cli_options) + 1] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(cli_options); i++)
		v[i] = (struct option){ cli_options[i].name, cli_options[i].arg ? required_argument : no_argument, NULL, (int)i + 256 };
	for (int o; (o = getopt_long(argc, argv, "", v, NULL)) != -1;) {
		const struct cli_option *at = o >= 256 ? &cli_options[o - 256] : NULL;
		if (!at) {
			fprintf(stderr, "\"adit help\" shows the options\n");
			return false;
		}
		if (at->number && !is_number(optarg)) {
			cli_fail(CLI_USAGE, "--%s %s: a number is expected", at->name, optarg);
			return false;
		}
		if (at->arg)
			*(const char **)(void *)((char *)c + at->off) = optarg;
		else
			*(bool *)(void *)((char *)c + at->off) = true;
	}
	if (c->json && c->yaml) {
		cli_fail(CLI_USAGE, "--json or --yaml, not both");
		return false;
	}
	/* What prints for programs asks one question: the kind of text is decided where it is written. */
	c->json = c->json || c->yaml;
	cli_yaml = c->yaml;
	return true;
}
