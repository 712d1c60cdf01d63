/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin as a third party writes it: built against the installed headers and the pkg-config file alone. It offers a
 * toy checksum as a hash of private number, with a known-answer test, and counts its start. */
#include <adit/plugin/abi.h>

static err_t digest(const slice *v, size_t n, uint8_t *out)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i].n; k++)
			h = (h ^ v[i].p[k]) * 16777619u;
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(h >> (24 - 8 * i));
	return 0;
}

static const struct hash_ops ops = { .size = sizeof ops, .out_len = 4, .digest = digest };

static const struct plug_kat kats[] = {
	{ .in = { (const uint8_t *)"foobar", 6 }, .out = { (const uint8_t *)"\xbf\x9c\xf9\x68", 4 } },
};

static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_HASH, 60001, 0 }, .prio = 1, .ops = &ops, .kats = kats, .n_kats = ARRAY_LEN(kats) },
};

static err_t start(const struct plug_host *host, void **self)
{
	*self = NULL;
	host->log(host->h, 1, "sample plugin says hello");
	host->count(host->h, "starts", 1);
	return 0;
}

#ifndef SAMPLE_MAJOR
#define SAMPLE_MAJOR ADIT_ABI_MAJOR
#endif

ADIT_PLUGIN = {
	.magic = ADIT_ABI_MAGIC,
	.size = sizeof(struct plug_desc),
	.abi_major = SAMPLE_MAJOR,
	.abi_minor = ADIT_ABI_MINOR,
	.name = SAMPLE_NAME,
	.version = "1.0",
	.summary = "a third party's sample",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.start = start,
};
