/* SPDX-License-Identifier: Apache-2.0 */
/* adit: the command line of aditd. The commands, help, and the way to the command. */
#include "config.h"
#include "tools/adit/cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct cli_cmd cli_cmds[] = {
	{ "status", "status", "what is up, in short", 0, 0, false, cmd_status, NULL, NULL },
	{ "list", "list conns|sas|policies|algs|plugins|pools|leases|certs|crls|keys|secrets|authorities",
	  "connections, SAs, traps and shunts, algorithms, plugins, pools and leases, credentials and where they live", 1, 1, false,
	  cmd_list, "conns sas policies algs plugins pools leases certs crls keys secrets authorities", NULL },
	{ "up", "up NAME [--child CHILD] [--timeout MS]", "bring up a connection, or one child of it", 1, 1, false, cmd_up, NULL, NULL },
	{ "down", "down NAME [--child CHILD] [--force]  |  down --ike-id N | --child-id N", "close SAs", 0, 1, false, cmd_down, NULL, NULL },
	{ "rekey", "rekey NAME [--child CHILD] [--reauth]  |  rekey --child CHILD | --ike-id N | --child-id N",
	  "give SAs fresh keys", 0, 1, false, cmd_rekey, NULL, NULL },
	{ "redirect", "redirect NAME --gateway ADDRESS  |  redirect --ike-id N | --peer ADDRESS | --remote-id ID --gateway ADDRESS",
	  "send peers to another gateway", 0, 1, false, cmd_redirect, NULL, NULL },
	{ "config", "config check|show|load|set|delete|diff|commit|confirm|abort|rollback|history|status|edit …",
	  "look at, change and take back the configuration", 1, 4, false, NULL, NULL, cli_config_cmds },
	{ "import", "import --from strongswan-conf|ipsec-conf|libreswan|iked FILE… [--output FILE]",
	  "turn another system's files into a configuration and report what could not be mapped, without a daemon", 1, CLI_WORDS - 1,
	  true, cmd_import, NULL, NULL },
	{ "load", "load [FILE]", "as config commit FILE: what is in the file runs, what is not in it goes", 0, 1, false, cmd_load, NULL,
	  NULL },
	{ "check", "check FILE", "as config check FILE: all errors of a file, without a daemon", 1, 1, true, cmd_check, NULL, NULL },
	{ "mtu", "mtu PROPOSAL [MTU] [tunnel|transport|beet] [v4|v6] [ah] [udp|tcp] [gre|gre4|gre6] [key] [checksum] [sequence]",
	  "the longest packet that goes through a tunnel without fragments, and the overhead, without a daemon", 1, CLI_WORDS - 1,
	  true, cmd_mtu, NULL, NULL },
	{ "explain", "explain ADDRESS [--remote-id ID] [--local-id ID] [--local ADDRESS]",
	  "which connection would take this peer, and why not the others", 1, 1, false, cmd_explain, NULL, NULL },
	{ "trace", "trace [NAME] [--levels SPEC] [--peer ADDRESS]", "follow the log in detail, of one connection or peer", 0, 1, false,
	  cmd_trace, NULL, NULL },
	{ "events", "events", "what happened lately: SAs up and down, alerts, commits", 0, 0, false, cmd_events, NULL, NULL },
	{ "diagnostics", "diagnostics [--output FILE]", "everything a bug report needs, without secrets, as JSON", 0, 0, false,
	  cmd_diagnostics, NULL, NULL },
	{ "log", "log [levels | set LEVELS [--sink NAME | --ike NAME | --peer ADDRESS | --identity ID] [--seconds N] | clear [RULE]]",
	  "follow the log; its levels; more of it about one connection, peer or identity, for an hour", 0, 2, false, cmd_log,
	  "levels set clear", NULL },
	{ "counters", "counters [NAME] [--all]", "IKE messages sent and received", 0, 1, false, cmd_counters, NULL, NULL },
	{ "metrics", "metrics [openmetrics]", "figures for monitoring in the text format of Prometheus, or as OpenMetrics", 0, 1, false,
	  cmd_metrics, "openmetrics", NULL },
	{ "stats", "stats", "uptime, load, memory, internal counters", 0, 0, false, cmd_stats, NULL, NULL },
	{ "describe", "describe [METHOD]", "the methods of the API with arguments and results", 0, 1, false, cmd_describe, NULL, NULL },
	{ "completion", "completion bash|zsh|fish", "a completion script for this shell", 1, 1, true, cmd_completion, "bash zsh fish", NULL },
	{ "manual", "manual", "the manual page of adit", 0, 0, true, cmd_manual, NULL, NULL },
	{ "version", "version", "of this command and of the daemon", 0, 0, false, cmd_version, NULL, NULL },
	{ "help", "help [COMMAND]", "this, or how to write a command", 0, 2, true, cmd_help, NULL, NULL },
};
const size_t cli_n_cmds = ARRAY_LEN(cli_cmds);

static const struct cli_cmd *find(const struct cli_cmd *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n && v[i].name; i++)
		if (!strcmp(v[i].name, name))
			return &v[i];
	return NULL;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: adit [--socket PATH] [--json | --yaml] COMMAND …\n\n");
	for (size_t i = 0; i < cli_n_cmds; i++)
		fprintf(to, "  %-10s %s\n", cli_cmds[i].name, cli_cmds[i].doc);
	fprintf(to, "\n  --socket PATH   socket of aditd (or ADIT_SOCKET in the environment)\n"
		    "  --json, --yaml  answers for programs\n"
		    "  --watch SECONDS ask again and again\n\n"
		    "\"adit help COMMAND\" shows how a command is written. Exit codes: 0 done, 1 refused or failed,\n"
		    "2 wrong command line, 3 no connection to aditd, 4 errors in a configuration, 5 a conflict with another change.\n");
}

static void help_of(const struct cli_cmd *cmd)
{
	printf("usage: adit %s\n%s\n", cmd->usage, cmd->doc);
	for (const struct cli_cmd *s = cmd->subs; s && s->name; s++)
		printf("  adit %s\n      %s\n", s->usage, s->doc);
	for (size_t i = 0; i < cli_n_options; i++) {
		char flag[40];
		snprintf(flag, sizeof flag, "--%s", cli_options[i].name);
		if (strstr(cmd->usage, flag))
			printf("  %s%s%s  %s\n", flag, cli_options[i].arg ? " " : "", cli_options[i].arg ? cli_options[i].arg : "",
				cli_options[i].doc);
	}
}

enum cli_exit cmd_help(struct cli *c)
{
	const struct cli_cmd *cmd = c->n_words ? find(cli_cmds, cli_n_cmds, c->word[0]) : NULL;
	const struct cli_cmd *sub = cmd && cmd->subs && c->n_words > 1 ? find(cmd->subs, SIZE_MAX, c->word[1]) : NULL;

	if (c->n_words && !cmd)
		return cli_fail(CLI_USAGE, "there is no command '%s'; \"adit help\" lists them", c->word[0]);
	if (cmd)
		help_of(sub ? sub : cmd);
	else
		usage(stdout);
	return CLI_OK;
}

static enum cli_exit run(struct cli *c, const struct cli_cmd *cmd)
{
	if (!cmd->offline && adit_api_open(c->socket, &c->api) != ADIT_API_OK) {
		if (cmd->run == cmd_version)
			printf("adit  %s\n", PACKAGE_VERSION);
		enum cli_exit code = cli_fail(CLI_CONNECT, "%s", adit_api_error(c->api));
		adit_api_close(c->api);
		return code;
	}
	enum cli_exit code = cmd->run(c);
	adit_api_close(c->api);
	c->api = NULL;
	if (fflush(stdout) || ferror(stdout))
		return cli_fail(CLI_FAILED, "cannot write the answer to standard output");
	return code;
}

/* Until somebody ends it, or the daemon is gone. */
static enum cli_exit watch(struct cli *c, const struct cli_cmd *cmd)
{
	unsigned seconds = (unsigned)strtoul(c->watch, NULL, 10);
	bool screen = isatty(1) && !c->json;

	for (;;) {
		if (screen) {
			time_t now = time(NULL);
			struct tm tm;
			char when[32] = "";
			if (localtime_r(&now, &tm))
				strftime(when, sizeof when, "%H:%M:%S", &tm);
			printf("\033[H\033[2J%s  every %u s\n\n", when, seconds ? seconds : 1);
		}
		enum cli_exit code = run(c, cmd);
		if (code)
			return code;
		sleep(seconds ? seconds : 1);
	}
}

int main(int argc, char *argv[])
{
	struct cli c = { 0 };

	if (!cli_options_parse(&c, argc, argv))
		return CLI_USAGE;
	if (optind == argc) {
		usage(c.help ? stdout : stderr);
		return c.help ? CLI_OK : CLI_USAGE;
	}
	const struct cli_cmd *cmd = find(cli_cmds, cli_n_cmds, argv[optind]);
	if (!cmd)
		return cli_fail(CLI_USAGE, "there is no command '%s'; \"adit help\" lists them", argv[optind]);
	int at = optind + 1;
	if (cmd->subs && at < argc) {
		const struct cli_cmd *sub = find(cmd->subs, SIZE_MAX, argv[at]);
		if (!sub)
			return cli_fail(CLI_USAGE, "there is no '%s' of %s; \"adit help %s\" lists them", argv[at], cmd->name, cmd->name);
		cmd = sub;
		at++;
	}
	if (c.help) {
		help_of(cmd);
		return CLI_OK;
	}
	int n = argc - at;
	if (n < cmd->min_words || n > cmd->max_words || n > CLI_WORDS || !cmd->run)
		return cli_fail(CLI_USAGE, "usage: adit %s", cmd->usage);
	for (int i = 0; i < n; i++)
		c.word[c.n_words++] = argv[at + i];
	return c.watch ? watch(&c, cmd) : run(&c, cmd);
}
