/* SPDX-License-Identifier: Apache-2.0 */
/* Static SA pairs: SPIs and keys of a child that stand in the configuration instead of being negotiated (RFC 4301 section
 * 4.5.1). */
#include "config/typed_int.h"
#include "config/value.h"

#include <stdarg.h>
#include <stdio.h>

enum { SPI_MIN = 256, AES_CTR = 13, CAMELLIA_CTR = 24 };

struct fixed {
	const struct conf_node *sec;
	struct diag **why;
	err_t err;
};

PRINTF_LIKE(3, 4)
static void bad(struct fixed *f, const char *key, const char *fmt, ...)
{
	const struct conf_node *n = conf_node_child(f->sec, key);
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_t e = conf_node_fail(n ? n : f->sec, n && n->kind == CONF_VALUE, f->why, E_BAD_VALUE, "%s", text);
	f->err = f->err ? f->err : e;
}

/* The first algorithm of each kind of the first proposal. */
static void first_suite(const struct suite_prop *p, struct suite *s)
{
	*s = (struct suite){ .proto = p->proto };
	for (size_t i = 0; i < p->n; i++) {
		const struct suite_tf *tf = &p->tf[i];
		if (tf->type == SUITE_ENCR && !s->encr) {
			s->encr = tf->id;
			s->encr_bits = tf->bits;
		} else if (tf->type == SUITE_INTEG && !s->integ) {
			s->integ = tf->id;
		} else if (tf->type == SUITE_ESN && tf->id != SUITE_ESN_NO) {
			s->esn = true;
		}
	}
}

/* With a key that is used again after a restart, what counts from one on would make the same key stream again. */
static bool counts(uint16_t encr)
{
	const struct suite_fact *f = encr ? suite_fact(SUITE_ENCR, encr) : NULL;

	return (f && f->flags & SUITE_AEAD) || encr == AES_CTR || encr == CAMELLIA_CTR;
}

static void read_key(struct fixed *f, const char *key, const struct conf_fixed *c, uint8_t *out)
{
	const struct conf_node *n = conf_node_child(f->sec, key);
	struct secret s = { 0 };
	size_t want = (size_t)c->encr_len + c->integ_len;

	if (!conf_is_set(n) || n->kind != CONF_VALUE) {
		bad(f, key, "'%s' is missing: a static SA needs static_spi_in, static_spi_out, static_key_in and static_key_out", key);
		return;
	}
	err_t e = conf_value_secret(slice_of(n->text, n->len), &s);
	if (e)
		bad(f, key, "'%s': 0x and hexadecimal digits, 0s and base64, or text is expected", key);
	else if (secret_slice(&s).n != want)
		bad(f, key, "'%s' has %zu bytes, and the first proposal takes %u for encryption and behind them %u for integrity", key,
			secret_slice(&s).n, c->encr_len, c->integ_len);
	else
		memcpy(out, secret_slice(&s).p, want);
	secret_fini(&s);
}

static void read_keys(struct fixed *f, struct conf_fixed *c)
{
	size_t n = (size_t)c->encr_len + c->integ_len;
	uint8_t both[2 * 256];

	if (2 * n > sizeof both) {
		bad(f, "static_key_in", "the keys of this proposal are too long");
		return;
	}
	read_key(f, "static_key_out", c, both);
	read_key(f, "static_key_in", c, both + n);
	if (!f->err)
		f->err = secret_copy(&c->keys, slice_of(both, 2 * n));
	explicit_bzero(both, sizeof both);
}

static bool any_key(const struct conf_node *sec)
{
	static const char *const keys[] = { "static_spi_in", "static_spi_out", "static_key_in", "static_key_out" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (conf_is_set(conf_node_child(sec, keys[i])))
			return true;
	return false;
}

err_t conf_read_fixed(const struct conf_node *sec, const struct conf_conn *conn, struct conf_child *c, struct diag **why)
{
	struct fixed f = { sec, why, 0 };
	struct conf_fixed *x = &c->fixed;

	if (!any_key(sec))
		return 0;
	if (c->mode == CONF_PASS || c->mode == CONF_DROP)
		bad(&f, "mode", "'mode' = pass or drop has no SAs, so that static_spi_in and its like have no place here");
	if (!conn->n_local_addrs || !conn->n_remote_addrs)
		bad(&f, "static_spi_in", "a static SA needs an address in local_addrs and in remote_addrs of the connection");
	if (x->spi_in < SPI_MIN || x->spi_out < SPI_MIN)
		bad(&f, x->spi_in < SPI_MIN ? "static_spi_in" : "static_spi_out", "static_spi_in and static_spi_out have to be set, both "
			"to %d or more", SPI_MIN);
	if (c->ipcomp)
		bad(&f, "ipcomp", "'ipcomp' is negotiated: a static SA goes without");
	if (c->lacks || f.err || !c->n_props)
		return f.err;
	first_suite(c->props[0], &x->suite);
	if (suite_key_lens(&x->suite, &x->encr_len, &x->integ_len))
		bad(&f, "esp_proposals", "the key lengths of the first proposal are not known");
	else if (x->suite.esn)
		bad(&f, "esp_proposals", "extended sequence numbers are negotiated: leave esn out for a static SA");
	else if (counts(x->suite.encr))
		bad(&f, "esp_proposals", "the first proposal encrypts with a counter, which begins again with the same key: only CBC and "
			"null may have static keys (RFC 4106 section 2, RFC 3686 section 2.1), as aes256-sha256");
	else
		read_keys(&f, x);
	/* Nobody counts on from where a restart began again, unless it is asked for. */
	if (!conf_is_set(conf_node_child(sec, "replay_window")))
		c->replay_window = 0;
	c->rekey_time_s = c->life_time_s = c->rand_time_s = 0;
	c->rekey_bytes = c->life_bytes = c->rand_bytes = c->rekey_packets = c->life_packets = c->rand_packets = 0;
	return f.err;
}
