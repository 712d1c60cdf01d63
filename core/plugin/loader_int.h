/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/plugin: what the loader and the resolver share. */
#ifndef ADIT_PLUGIN_LOADER_INT_H
#define ADIT_PLUGIN_LOADER_INT_H

#include "plugin/loader.h"

struct loaded {
	struct reg_plugin *reg;
	const struct plug_desc *desc;
	struct host *host;
	bool tried;   /* its turn has been */
	bool started;
};

struct loader {
	const struct plug_services *s;
	struct loaded **v; /* after loader_start in the order of starting */
	size_t n;
	bool reserve; /* key exchanges and signatures are tested by loader_settle */
};

/* Marks it in the registry and says so in one line. */
void loader_refuse(struct loader *l, struct reg_plugin *p, const struct diag *why, err_t e);

#endif
