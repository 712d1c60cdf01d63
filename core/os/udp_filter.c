/* SPDX-License-Identifier: Apache-2.0 */
#include "os/udp_filter.h"

#include <net/if.h>

static bool named(const char *const *v, const char *name)
{
	for (; *v; v++)
		if (strcmp(*v, name) == 0)
			return true;
	return false;
}

static bool verdict(const struct udp_filter *f, unsigned index)
{
	char name[IF_NAMESIZE];

	/* An interface that went away meanwhile: only what is not forbidden by name is let in. */
	if (!if_indextoname(index, name))
		return !f->use;
	if (f->use && !named(f->use, name))
		return false;
	return !f->ignore || !named(f->ignore, name);
}

bool udp_filter_may(struct udp_filter *f, unsigned index, uint64_t now_ms)
{
	if (!f->use && !f->ignore)
		return true;
	size_t i = index % UDP_FILTER_KNOWN;
	if (f->known[i].index != index || now_ms >= f->known[i].until_ms) {
		f->known[i].index = index;
		f->known[i].may = verdict(f, index);
		f->known[i].until_ms = now_ms + UDP_FILTER_KEEP_MS;
	}
	return f->known[i].may;
}
