/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of aditd. What is not given there comes from the configuration, then from how it was built. */
#ifndef ADIT_DAEMON_OPTIONS_H
#define ADIT_DAEMON_OPTIONS_H

#include "base/slice.h"

/* Strings point into argv; NULL and -1: not given. */
struct options {
	const char *config, *strongswan_conf, *socket, *pidfile, *plugin_dir, *log;
	int workers, port, port_natt;
	bool foreground, debug;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* One row of the command line. */
struct options_row {
	const char *name, *arg; /* arg NULL: it takes none */
	int code;
	const char *doc;
};
extern const struct options_row options_rows[];
extern const size_t options_n_rows;
/* aditd(8) on standard output. */
void options_manual(void);

/* DONE: --help or --version was answered; WRONG: said on standard error what is wrong. */
enum options_verdict options_parse(int argc, char *argv[], struct options *out);

#endif
