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

/* DONE: --help or --version was answered; WRONG: said on standard error what is wrong. */
enum options_verdict options_parse(int argc, char *argv[], struct options *out);

#endif
