/* SPDX-License-Identifier: Apache-2.0 */
/* aditd(8), with the options from the table of the command line. */
#include "daemon/options.h"
#include "daemon/version.h"

#include <stdio.h>

/* Text for roff: its own signs are escaped. */
static void roff(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s; s++) {
		if (*s == '-' || *s == '\\')
			putchar('\\');
		putchar(*s == '\\' ? 'e' : *s);
	}
}

void options_manual(void)
{
	puts(".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" Made by aditd \\-\\-manual\n"
		".TH ADITD 8 \"\" \"Adit " ADIT_VERSION "\" \"System administration\"\n"
		".SH NAME\naditd \\- IKEv2 daemon\n"
		".SH SYNOPSIS\n.B aditd\n.RI [ OPTION ...]\n"
		".SH DESCRIPTION\n.B aditd\nsets up and keeps IPsec tunnels with IKEv2. Plugins do the cryptography, move the packets (in the kernel or in "
		"user space), hold private keys and write the log. It is looked at and commanded over one Unix socket, with\n.BR adit (1),\n"
		"with\n.B swanctl\nand the vici libraries of other languages as they are, and over HTTP with\n.BR adit\\-rest (8).\n"
		".PP\nIt starts as root, keeps the capabilities it needs, and is ready when its socket answers and its ports are bound: without\n"
		".B \\-\\-foreground\nthe command comes back then, and under systemd the manager is told.\n"
		".SH OPTIONS");
	for (size_t i = 0; i < options_n_rows; i++) {
		const struct options_row *r = &options_rows[i];
		printf(".TP\n\\fB\\-\\-");
		roff(r->name);
		fputs("\\fR", stdout);
		if (r->arg) {
			fputs(" \\fI", stdout);
			roff(r->arg);
			fputs("\\fR", stdout);
		}
		putchar('\n');
		roff(r->doc);
		puts(".");
	}
	puts(".SH SIGNALS\n.TP\n.B SIGTERM\\fR, \\fBSIGINT\ndeletes all SAs, so that the peers know (with\n.B keep_state\nthey stay for the next start), and ends; a second one ends at once.\n"
		".TP\n.B SIGHUP\nreads the configuration again and reopens log files; tunnels whose connection did not change are not touched.\n"
		".SH EXIT STATUS\n0 ended by a signal, or done; 1 it could not start or go on, with the reason on standard error and in the log; "
		"2 a wrong command line.\n"
		".SH FILES\n.TP");
	printf(".I " ADIT_RUN_DIR "/aditd.sock\nsocket of the message API.\n.TP\n.I " ADIT_PLUGIN_DIR "\nplugins.\n");
	puts(".SH ENVIRONMENT\n.TP\n.B NOTIFY_SOCKET\nwhere systemd is told about readiness.\n"
		".SH SEE ALSO\n.BR adit (1),\n.BR adit.conf (5),\n.BR adit\\-rest (8),\n.BR adit\\-pki (1)");
}
