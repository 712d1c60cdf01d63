/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts and the manual page, out of the tables of commands and options. */
#include "config.h"
#include "tools/adit/cli.h"

#include <string.h>

/* Names of commands, words or options between blanks. */
static void names(const struct cli_cmd *v, size_t n)
{
	for (size_t i = 0; i < n && v[i].name; i++)
		printf("%s%s", i ? " " : "", v[i].name);
}

static void flags(const char *sep)
{
	for (size_t i = 0; i < cli_n_options; i++)
		printf("%s--%s", i ? sep : "", cli_options[i].name);
}

/* Where the daemon is asked for what may stand there. */
static const char *const names_of_conns[] = { "up", "down", "rekey" };

static void bash(void)
{
	printf("# completion of adit for bash, made by \"adit completion bash\"\n"
		"_adit() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=() w skip=\n"
		"\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		"\t\tif [ -n \"$skip\" ]; then skip=; continue; fi\n\t\tcase $w in\n\t\t");
	for (size_t i = 0, n = 0; i < cli_n_options; i++)
		if (cli_options[i].arg)
			printf("%s--%s", n++ ? "|" : "", cli_options[i].name);
	printf(") skip=1 ;;\n\t\t-*) ;;\n\t\t*) words+=(\"$w\") ;;\n\t\tesac\n\tdone\n"
		"\tcase $prev in\n\t--socket|--output) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
		"\t--section) COMPREPLY=($(compgen -W 'connections secrets pools authorities aditd' -- \"$cur\")); return ;;\n"
		"\t--from) COMPREPLY=($(compgen -W 'strongswan-conf ipsec-conf libreswan iked' -- \"$cur\")); return ;;\n\tesac\n"
		"\tif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '");
	flags(" ");
	printf("' -- \"$cur\")); return; fi\n\tcase \"${words[*]}\" in\n\t'') COMPREPLY=($(compgen -W '");
	names(cli_cmds, cli_n_cmds);
	printf("' -- \"$cur\")) ;;\n");
	for (size_t i = 0; i < cli_n_cmds; i++) {
		const struct cli_cmd *c = &cli_cmds[i];
		if (!c->subs && !c->words)
			continue;
		printf("\t%s) COMPREPLY=($(compgen -W '", c->name);
		if (c->subs)
			names(c->subs, SIZE_MAX);
		else
			fputs(c->words, stdout);
		printf("' -- \"$cur\")) ;;\n");
		for (const struct cli_cmd *s = c->subs; s && s->name; s++)
			if (s->words)
				printf("\t'%s %s') COMPREPLY=($(compgen -W '%s' -- \"$cur\")) ;;\n", c->name, s->name, s->words);
	}
	printf("\t");
	for (size_t i = 0; i < ARRAY_LEN(names_of_conns); i++)
		printf("%s%s", i ? "|" : "", names_of_conns[i]);
	printf(") COMPREPLY=($(compgen -W \"$(adit --json config show connections 2>/dev/null |\n"
		"\t\tsed -n 's/^    \"\\([^\"]*\\)\": {$/\\1/p')\" -- \"$cur\")) ;;\n"
		"\t*) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n\tesac\n}\ncomplete -o filenames -F _adit adit\n");
}

static void quoted(const char *s)
{
	for (; *s; s++)
		printf(*s == '\'' ? "'\\''" : *s == '[' || *s == ']' || *s == ':' ? "\\%c" : "%c", *s);
}

static void zsh(void)
{
	printf("#compdef adit\n# completion of adit for zsh, made by \"adit completion zsh\"\n_adit() {\n\tlocal -a cmds subs\n"
		"\t_arguments -C \\\n");
	for (size_t i = 0; i < cli_n_options; i++) {
		printf("\t\t'--%s[", cli_options[i].name);
		quoted(cli_options[i].doc);
		printf("]%s%s%s' \\\n", cli_options[i].arg ? ":" : "", cli_options[i].arg ? cli_options[i].arg : "",
			cli_options[i].arg ? ":" : "");
	}
	printf("\t\t'1: :->cmd' '2: :->sub' '*:file:_files'\n\tcase $state in\n\tcmd) cmds=(\n");
	for (size_t i = 0; i < cli_n_cmds; i++) {
		printf("\t\t'%s:", cli_cmds[i].name);
		quoted(cli_cmds[i].doc);
		printf("'\n");
	}
	printf("\t\t); _describe command cmds ;;\n\tsub) case $words[2] in\n");
	for (size_t i = 0; i < cli_n_cmds; i++) {
		const struct cli_cmd *c = &cli_cmds[i];
		if (c->words)
			printf("\t\t%s) compadd %s ;;\n", c->name, c->words);
		if (!c->subs)
			continue;
		printf("\t\t%s) subs=(\n", c->name);
		for (const struct cli_cmd *s = c->subs; s->name; s++) {
			printf("\t\t\t'%s:", s->name);
			quoted(s->doc);
			printf("'\n");
		}
		printf("\t\t\t); _describe 'command of %s' subs ;;\n", c->name);
	}
	printf("\t\t*) _files ;;\n\t\tesac ;;\n\tesac\n}\n_adit \"$@\"\n");
}

static void fish(void)
{
	printf("# completion of adit for fish, made by \"adit completion fish\"\n");
	for (size_t i = 0; i < cli_n_cmds; i++) {
		const struct cli_cmd *c = &cli_cmds[i];
		printf("complete -c adit -f -n __fish_use_subcommand -a %s -d '", c->name);
		quoted(c->doc);
		printf("'\n");
		if (c->words)
			printf("complete -c adit -f -n '__fish_seen_subcommand_from %s' -a '%s'\n", c->name, c->words);
		for (const struct cli_cmd *s = c->subs; s && s->name; s++) {
			printf("complete -c adit -n '__fish_seen_subcommand_from %s' -a %s -d '", c->name, s->name);
			quoted(s->doc);
			printf("'\n");
		}
	}
	for (size_t i = 0; i < cli_n_options; i++) {
		printf("complete -c adit -l %s%s -d '", cli_options[i].name, cli_options[i].arg ? " -r" : "");
		quoted(cli_options[i].doc);
		printf("'\n");
	}
}

enum cli_exit cmd_completion(struct cli *c)
{
	static const struct {
		const char *shell;
		void (*write)(void);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (!strcmp(c->word[0], shells[i].shell)) {
			shells[i].write();
			return CLI_OK;
		}
	return cli_fail(CLI_USAGE, "there is no completion for '%s': bash, zsh or fish", c->word[0]);
}

/* Text of a manual page: a dash is one, a backslash and a leading dot are none of its commands; roff reads ASCII alone. */
static void roff(const char *s)
{
	static const char dots[] = "\u2026";

	for (; *s; s++)
		if (strncmp(s, dots, sizeof dots - 1) == 0) {
			printf("\\[u2026]");
			s += sizeof dots - 2;
		} else {
			printf(*s == '-' ? "\\-" : *s == '\\' ? "\\e" : "%c", *s);
		}
}

static void item(const char *term, const char *text)
{
	printf(".TP\n.B ");
	roff(term);
	printf("\n");
	roff(text);
	printf("\n");
}

enum cli_exit cmd_manual(struct cli *c)
{
	(void)c;
	printf(".\\\" SPDX-License-Identifier: Apache-2.0. Made by \"adit manual\" from its tables.\n"
		".TH ADIT 1 \"\" \"adit %s\" \"Adit\"\n.SH NAME\nadit \\- command line of the IKE daemon aditd\n"
		".SH SYNOPSIS\n.B adit\n[\\-\\-socket PATH] [\\-\\-json | \\-\\-yaml] COMMAND [ARGUMENTS]\n"
		".SH DESCRIPTION\nTalks to a running\n.BR aditd (8)\nover its Unix socket. With \\-\\-json or \\-\\-yaml an answer is one\n"
		"value in the types of the API, made for programs.\n.SH COMMANDS\n", PACKAGE_VERSION);
	for (size_t i = 0; i < cli_n_cmds; i++) {
		if (!cli_cmds[i].subs)
			item(cli_cmds[i].usage, cli_cmds[i].doc);
		for (const struct cli_cmd *s = cli_cmds[i].subs; s && s->name; s++)
			item(s->usage, s->doc);
	}
	printf(".SH OPTIONS\n");
	for (size_t i = 0; i < cli_n_options; i++) {
		char term[64];
		snprintf(term, sizeof term, "--%s%s%s", cli_options[i].name, cli_options[i].arg ? " " : "",
			cli_options[i].arg ? cli_options[i].arg : "");
		item(term, cli_options[i].doc);
	}
	printf(".SH EXIT STATUS\n");
	static const char *const codes[][2] = { { "0", "done" }, { "1", "aditd refused or failed; the reason is on standard error" },
		{ "2", "the command line is wrong" }, { "3", "aditd cannot be reached, or the connection broke" },
		{ "4", "the configuration has errors" },
		{ "5", "somebody else has changed the configuration meanwhile, or a commit waits for its confirmation" } };
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		item(codes[i][0], codes[i][1]);
	printf(".SH ENVIRONMENT\n");
	item("ADIT_SOCKET", "the socket of aditd");
	item("VISUAL, EDITOR", "the editor of \"adit config edit\"");
	printf(".SH SEE ALSO\n.BR aditd (8),\n.BR adit.conf (5),\n.BR swanctl (8)\n");
	return CLI_OK;
}
