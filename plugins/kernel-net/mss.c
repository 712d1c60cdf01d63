/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP's maximum segment size through our interfaces, in both directions, as rules of nftables in a table of our own. The
 * kernel never raises what a SYN announces.
 */
#include "plugins/kernel-net/net.h"

#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>

#define TABLE "inet adit"

enum { FEW = 32, RULE = 160 };

/* meta word, interface, family */
static size_t rule(char *p, size_t cap, const char *meta, const char *name, const char *family, uint16_t mss)
{
	int n = snprintf(p, cap, "\t\t%s \"%s\" meta nfproto %s tcp flags syn / syn,rst tcp option maxseg size set %u\n", meta,
		name, family, mss);

	return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

static size_t rules(const struct vif *v, char *p, size_t cap)
{
	const char *const meta[] = { "oifname", "iifname", v->in_vrf ? "meta sdifname" : NULL };
	size_t n = 0;

	/* Two families of three directions. */
	for (size_t i = 0; i < ARRAY_LEN(meta) && meta[i]; i++) {
		if (v->mss_v4)
			n += rule(p + n, cap - n, meta[i], v->name, "ipv4", v->mss_v4);
		if (v->mss_v6)
			n += rule(p + n, cap - n, meta[i], v->name, "ipv6", v->mss_v6);
	}
	return n;
}

static bool wanted(const struct vif *v)
{
	return (v->mss_v4 || v->mss_v6) && !*v->netns && !v->left;
}

/* 0 done; else the table stays as it was. */
static int run(struct net *k, const char *text)
{
	if (!k->nft) {
		k->nft = nft_ctx_new(NFT_CTX_DEFAULT);
		if (!k->nft)
			return -1;
		nft_ctx_buffer_error(k->nft);
		nft_ctx_buffer_output(k->nft);
	}
	return nft_run_cmd_from_buffer(k->nft, text);
}

static void apply(struct net *k)
{
	size_t n = 0, count = 0;

	k->mss_dirty = false;
	for (const struct vif *v = k->vifs; v; v = v->next)
		count += wanted(v);
	if (!count && !k->mss_made)
		return;
	size_t cap = 256 + count * 6 * RULE;
	char *text = malloc(cap);
	if (!text)
		return;
	/* Made first, so that the delete finds one: the whole is one transaction. */
	n += (size_t)snprintf(text, cap, "add table " TABLE "\ndelete table " TABLE "\n");
	if (count) {
		n += (size_t)snprintf(text + n, cap - n, "table " TABLE " {\n\tchain mss {\n\t\ttype filter hook forward priority "
			"mangle; policy accept;\n");
		for (const struct vif *v = k->vifs; v; v = v->next)
			if (wanted(v))
				n += rules(v, text + n, cap - n);
		snprintf(text + n, cap - n, "\t}\n}\n");
	}
	if (run(k, text)) {
		const char *err = k->nft ? nft_ctx_get_error_buffer(k->nft) : "out of memory";
		net_log(k, 0, "kernel-net: cannot limit the MSS of TCP connections: %.*s; does the kernel have nf_tables, and aditd "
			"CAP_NET_ADMIN?", (int)strcspn(err, "\n"), err);
	} else {
		k->mss_made = count != 0;
	}
	free(text);
}

void mss_changed(struct net *k)
{
	unsigned n = 0;

	for (const struct vif *v = k->vifs; v && n <= FEW; v = v->next)
		n++;
	k->mss_dirty = true;
	if (n <= FEW)
		apply(k);
}

void mss_tick(struct net *k)
{
	if (k->mss_dirty)
		apply(k);
}

void mss_close(struct net *k)
{
	if (k->mss_made && !k->keep)
		(void)run(k, "delete table " TABLE "\n");
	if (k->nft)
		nft_ctx_free(k->nft);
	k->nft = NULL;
}
