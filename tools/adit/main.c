/* SPDX-License-Identifier: Apache-2.0 */
/* adit: the command line of aditd. Options, help, and the way to the command. */
#include "config.h"
#include "tools/adit/cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

const struct cli_cmd cli_cmds[] = {
	{ "status", "status", "what is up, in short", 0, 0, false, cmd_status },
	{ "list", "list conns|sas|policies|algs|plugins", "connections, SAs, traps and shunts, algorithms, plugins", 1, 1, false,
	  cmd_list },
	{ "up", "up NAME [--child CHILD] [--timeout MS]", "bring up a connection, or one child of it", 1, 1, false, cmd_up },
	{ "down", "down NAME [--child CHILD] [--force]  |  down --ike-id N | --child-id N", "close SAs", 0, 1, false, cmd_down },
	{ "rekey", "rekey NAME [--child CHILD] [--reauth]  |  rekey --child CHILD | --ike-id N | --child-id N",
	  "give SAs fresh keys", 0, 1, false, cmd_rekey },
	{ "load", "load [FILE]", "load connections and secrets from a swanctl.conf; what is not in it goes", 0, 1, false, cmd_load },
	{ "check", "check FILE", "find all errors of a configuration file, without a daemon", 1, 1, true, cmd_check },
	{ "mtu", "mtu PROPOSAL [MTU] [tunnel|transport|beet] [v4|v6] [ah] [udp|tcp] [gre|gre4|gre6] [key] [checksum] [sequence]",
	  "the longest packet that goes through a tunnel without fragments, and the overhead, without a daemon", 1, CLI_WORDS - 1,
	  true, cmd_mtu },
	{ "log", "log", "follow the log", 0, 0, false, cmd_log },
	{ "counters", "counters [NAME] [--all]", "IKE messages sent and received", 0, 1, false, cmd_counters },
	{ "stats", "stats", "uptime, load, memory, internal counters", 0, 0, false, cmd_stats },
	{ "describe", "describe [METHOD]", "the methods of the API with arguments and results", 0, 1, false, cmd_describe },
	{ "version", "version", "of this command and of the daemon", 0, 0, false, cmd_version },
	{ "help", "help [COMMAND]", "this, or how to write a command", 0, 1, true, cmd_help },
};
const size_t cli_n_cmds = ARRAY_LEN(cli_cmds);

static const struct cli_cmd *find(const char *name)
{
	for (size_t i = 0; i < cli_n_cmds; i++)
		if (!strcmp(cli_cmds[i].name, name))
			return &cli_cmds[i];
	return NULL;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: adit [--socket PATH] [--json] COMMAND …\n\n");
	for (size_t i = 0; i < cli_n_cmds; i++)
		fprintf(to, "  %-9s %s\n", cli_cmds[i].name, cli_cmds[i].doc);
	fprintf(to, "\n  --socket PATH   socket of aditd (or ADIT_SOCKET in the environment)\n"
		    "  --json          answers as JSON\n\n"
		    "\"adit help COMMAND\" shows how a command is written. Exit codes: 0 done, 1 refused or failed,\n"
		    "2 wrong command line, 3 no connection to aditd, 4 errors in a configuration file.\n");
}

enum cli_exit cmd_help(struct cli *c)
{
	const struct cli_cmd *cmd = c->n_words ? find(c->word[0]) : NULL;
	if (c->n_words && !cmd)
		return cli_fail(CLI_USAGE, "there is no command '%s'; \"adit help\" lists them", c->word[0]);
	if (cmd)
		printf("usage: adit %s\n%s\n", cmd->usage, cmd->doc);
	else
		usage(stdout);
	return CLI_OK;
}

static const char *number(const char *text)
{
	char *end;
	strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end ? text : NULL;
}

/* Options may stand anywhere; -1: said and to be ended. */
static int options(struct cli *c, int argc, char *argv[])
{
	enum { O_SOCKET = 1, O_JSON, O_CHILD, O_FORCE, O_REAUTH, O_ALL, O_IKE_ID, O_CHILD_ID, O_TIMEOUT, O_LOGLEVEL, O_HELP };
	static const struct option opts[] = {
		{ "socket", required_argument, NULL, O_SOCKET },   { "json", no_argument, NULL, O_JSON },
		{ "child", required_argument, NULL, O_CHILD },     { "force", no_argument, NULL, O_FORCE },
		{ "reauth", no_argument, NULL, O_REAUTH },         { "all", no_argument, NULL, O_ALL },
		{ "ike-id", required_argument, NULL, O_IKE_ID },   { "child-id", required_argument, NULL, O_CHILD_ID },
		{ "timeout", required_argument, NULL, O_TIMEOUT }, { "loglevel", required_argument, NULL, O_LOGLEVEL },
		{ "help", no_argument, NULL, O_HELP },             { NULL, 0, NULL, 0 } };
	bool help = false;
	for (int o; (o = getopt_long(argc, argv, "", opts, NULL)) != -1;) {
		switch (o) {
		case O_SOCKET: c->socket = optarg; break;
		case O_JSON: c->json = true; break;
		case O_CHILD: c->child = optarg; break;
		case O_FORCE: c->force = true; break;
		case O_REAUTH: c->reauth = true; break;
		case O_ALL: c->all = true; break;
		case O_IKE_ID:
		case O_CHILD_ID:
		case O_TIMEOUT:
		case O_LOGLEVEL:
			if (!number(optarg)) {
				cli_fail(CLI_USAGE, "'%s' is not a number", optarg);
				return -1;
			}
			*(o == O_IKE_ID ? &c->ike_id : o == O_CHILD_ID ? &c->child_id : o == O_TIMEOUT ? &c->timeout : &c->loglevel) =
				optarg;
			break;
		case O_HELP: help = true; break;
		default: fprintf(stderr, "\"adit help\" shows the options\n"); return -1;
		}
	}
	return help;
}

int main(int argc, char *argv[])
{
	struct cli c = { 0 };
	int help = options(&c, argc, argv);
	if (help < 0)
		return CLI_USAGE;
	if (optind == argc) {
		usage(help ? stdout : stderr);
		return help ? CLI_OK : CLI_USAGE;
	}
	const struct cli_cmd *cmd = find(argv[optind]);
	if (!cmd)
		return cli_fail(CLI_USAGE, "there is no command '%s'; \"adit help\" lists them", argv[optind]);
	if (help) {
		c.word[0] = cmd->name;
		c.n_words = 1;
		return cmd_help(&c);
	}
	int n = argc - optind - 1;
	if (n < cmd->min_words || n > cmd->max_words)
		return cli_fail(CLI_USAGE, "usage: adit %s", cmd->usage);
	for (int i = 0; i < n; i++)
		c.word[c.n_words++] = argv[optind + 1 + i];
	if (!cmd->offline && adit_api_open(c.socket, &c.api) != ADIT_API_OK) {
		if (cmd->run == cmd_version)
			printf("adit  %s\n", PACKAGE_VERSION);
		enum cli_exit code = cli_fail(CLI_CONNECT, "%s", adit_api_error(c.api));
		adit_api_close(c.api);
		return code;
	}
	enum cli_exit code = cmd->run(&c);
	adit_api_close(c.api);
	if (fflush(stdout) || ferror(stdout))
		return cli_fail(CLI_FAILED, "cannot write the answer to standard output");
	return code;
}
