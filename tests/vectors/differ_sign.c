/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures. Four inputs belong together: a random message that one provider signs, in turn, and all have to take; the
 * same with one bit of message or signature changed, or another hash; and twice a signature made up: numbers that are 0,
 * 1, all ones or random instead of r and s, DER that is not strict, other lengths, random bytes. All have to refuse
 * these with the same code; that costs no arithmetic most times.
 *
 * Every KEY_INPUTS inputs there is a new random private key, which each provider loads for itself, so that they have to
 * come to the same public key, too. The first key is the published one with its public key apart; RSA keeps it.
 */
#include "differ.h"
#include "crypto/keyfmt.h"

enum { KEY_INPUTS = 100, SIG_MAX = 4096, DER_KEY_MAX = 256, NUMBER_MAX = 66 };

static struct crypto_ctx private_key[DIFFER_PROVIDERS], public_key[DIFFER_PROVIDERS];
static bool with_public; /* verified with public_key, else with private_key */

static uint8_t message[DIFFER_LEN_MAX + 1], signature[SIG_MAX];
static size_t message_len, signature_len;
static struct sign_how how;

static bool is_ecdsa(const struct differ_round *r)
{
	return r->is.id == PLUG_SIGN_ECDSA || r->is.id == PLUG_SIGN_ECDSA_RAW;
}

static bool is_rsa(const struct differ_round *r)
{
	return r->is.id == PLUG_SIGN_RSA_PKCS1 || r->is.id == PLUG_SIGN_RSA_PSS;
}

/* A random private key as PKCS #8, without its public one. */
static slice new_private(const struct differ_round *r, uint8_t der[DER_KEY_MAX])
{
	struct rd spki = rd_of(r->row[0]->kats->key), in = rd_of(der_next(&spki, DER_SEQ));
	const slice alg = der_next(&in, DER_SEQ);
	uint8_t body[DER_KEY_MAX], key[NUMBER_MAX];
	struct keyfmt k;
	struct wr w = wr_of(body, sizeof body), out = wr_of(der, DER_KEY_MAX);

	if (keyfmt_public(r->row[0]->kats->key, &k))
		return SLICE_NONE;
	differ_fill(key, k.len);
	if (k.type == KEYFMT_EC)
		key[0] &= k.group == 21 ? 0x01 : 0x7f; /* below the order */
	/* SEQUENCE { 0, algorithm, OCTET STRING { SEQUENCE { 1, OCTET STRING } or OCTET STRING } } */
	const uint8_t octets[] = { DER_OCTETS, (uint8_t)k.len };
	wr_bytes(&w, slice_of((const uint8_t[]){ DER_INT, 1, 0, DER_SEQ, (uint8_t)alg.n }, 5));
	wr_bytes(&w, alg);
	if (k.type == KEYFMT_EC)
		wr_bytes(&w, slice_of((const uint8_t[]){ DER_OCTETS, (uint8_t)(k.len + 7), DER_SEQ, (uint8_t)(k.len + 5), DER_INT,
			1, 1 }, 7));
	else
		wr_bytes(&w, slice_of((const uint8_t[]){ DER_OCTETS, (uint8_t)(k.len + 2) }, 2));
	wr_bytes(&w, slice_of(octets, sizeof octets));
	wr_bytes(&w, slice_of(key, k.len));
	wr_u8(&out, DER_SEQ);
	if (w.off >= 0x80)
		wr_u8(&out, 0x81);
	wr_u8(&out, (uint8_t)w.off);
	wr_bytes(&out, wr_done(&w));
	return spki.err || in.err || w.err || out.err ? SLICE_NONE : wr_done(&out);
}

static void drop_keys(const struct differ_round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct sign_ops *o = r->ops[i];
		o->fini(private_key[i].b);
		if (with_public)
			o->fini(public_key[i].b);
	}
}

static bool load_keys(const struct differ_round *r)
{
	const struct plug_kat *k = r->row[0]->kats;
	uint8_t der[DER_KEY_MAX];
	const slice key = r->turn ? new_private(r, der) : k->aad;

	with_public = !r->turn;
	for (size_t i = 0; i < r->n; i++) {
		const struct sign_ops *o = r->ops[i];
		if (o->ctx_size > CRYPTO_CTX_MAX || o->load_private(private_key[i].b, key) ||
		    (with_public && o->load_public(public_key[i].b, k->key)))
			return false;
	}
	return true;
}

static bool all_say(struct differ_round *r, const struct sign_how *h, slice m, slice sig, err_t want)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct sign_ops *o = r->ops[i];
		if (o->verify(with_public ? public_key[i].b : private_key[i].b, h, &m, 1, sig) != want)
			return false;
	}
	if (want)
		r->count.refused++;
	else
		r->count.made++;
	return true;
}

static bool sign_new(struct differ_round *r)
{
	static const uint16_t hashes[] = { PLUG_HASH_SHA256, PLUG_HASH_SHA384, PLUG_HASH_SHA512, PLUG_HASH_SHA1 };
	static const uint16_t lens[] = { 32, 48, 64, 20 };
	size_t h = differ_next() % ARRAY_LEN(hashes), by = (size_t)r->count.whole++ % r->n;
	const struct sign_ops *o = r->ops[by];

	how = (struct sign_how){ hashes[h], differ_next() % 2 ? hashes[differ_next() % ARRAY_LEN(hashes)] : 0, lens[h] };
	message_len = differ_len();
	differ_fill(message, sizeof message);
	signature_len = sizeof signature;
	const slice m = slice_of(message, message_len);
	return o->sign(private_key[by].b, &how, &m, 1, signature, &signature_len) == 0 &&
		all_say(r, &how, m, slice_of(signature, signature_len), 0);
}

static bool one_change(struct differ_round *r)
{
	const slice m = slice_of(message, message_len), sig = slice_of(signature, signature_len);
	struct sign_how other = { how.hash == PLUG_HASH_SHA1 ? PLUG_HASH_SHA256 : PLUG_HASH_SHA1, 0, how.salt_len };
	uint8_t *p = signature;
	size_t n = 8 * signature_len;

	switch (differ_next() % 4) {
	case 0:
		return all_say(r, &how, slice_of(message, message_len + 1), sig, E_AUTH_FAILED);
	case 1:
		if (is_ecdsa(r) || is_rsa(r))
			return all_say(r, &other, m, sig, E_AUTH_FAILED);
		break;
	case 2:
		if (message_len) {
			p = message;
			n = 8 * message_len;
		}
		break;
	default:
		break;
	}
	size_t bit = differ_next() % n;
	p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	bool ok = all_say(r, &how, m, sig, E_AUTH_FAILED);
	p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	return ok;
}

/* One of the two numbers of an ECDSA signature, or what stands there instead. */
static void made_up_number(uint8_t *p, size_t n)
{
	switch (differ_next() % 8) {
	case 0: case 1: case 2:
		memset(p, 0, n);
		break;
	case 3: case 4:
		memset(p, 0xff, n);
		break;
	case 5:
		memset(p, 0, n);
		p[n - 1] = (uint8_t)(1 + differ_next() % 2);
		break;
	case 6:
		differ_fill(p, n);
		break;
	default: /* as it was */
		break;
	}
}

/* Faults of strict DER, each in place of an encoding that is right. */
static size_t spoil_der(uint8_t *p, size_t n)
{
	size_t at = p[1] == 0x81 ? 3 : 2, second = at + 2 + p[at + 1];

	switch (differ_next() % 7) {
	case 0: /* the sequence ends early or late */
		p[at - 1] = (uint8_t)(p[at - 1] + (differ_next() % 2 ? 1 : -1));
		return n;
	case 1: /* the first number ends early or late */
		p[at + 1] = (uint8_t)(p[at + 1] + (differ_next() % 2 ? 1 : -1));
		return n;
	case 2: /* another tag */
		p[differ_next() % 2 ? at : second] = (uint8_t)differ_next() & 0xfd;
		return n;
	case 3: /* something follows */
		p[n] = (uint8_t)differ_next();
		return n + 1;
	case 4: /* the length in more bytes than needed */
		memmove(p + at, p + at - 1, n - at + 1);
		p[at - 1] = p[1] == 0x81 ? 0 : 0x81;
		if (p[1] == 0x81 && at == 3)
			p[1] = 0x82;
		return n + 1;
	case 5: /* a needless zero before the second number */
		memmove(p + second + 3, p + second + 2, n - second - 2);
		p[second + 2] = 0;
		p[second + 1]++;
		p[at - 1]++;
		return n + 1;
	default: /* a negative number */
		p[second + 2] |= 0x80;
		return n;
	}
}

static bool made_up(struct differ_round *r)
{
	uint8_t sig[SIG_MAX + 8];
	size_t n = signature_len, len = 0;
	struct keyfmt k;

	memcpy(sig, signature, n);
	if (is_ecdsa(r) && differ_next() % 4) {
		uint8_t raw[2 * NUMBER_MAX];
		bool der = r->is.id == PLUG_SIGN_ECDSA;
		if (keyfmt_public(r->row[0]->kats->key, &k))
			return false;
		len = k.len;
		if (der && keyfmt_ecdsa_raw(slice_of(sig, n), len, raw))
			return false;
		memcpy(raw, der ? raw : sig, 2 * len);
		do {
			made_up_number(raw, len);
			made_up_number(raw + len, len);
			n = sizeof sig;
			if (!der)
				memcpy(sig, raw, n = 2 * len);
			else if (keyfmt_ecdsa_der(raw, len, sig, &n))
				return false;
			if (der && differ_next() % 2)
				n = spoil_der(sig, n);
		} while (n == signature_len && memcmp(sig, signature, n) == 0);
		return all_say(r, &how, slice_of(message, message_len), slice_of(sig, n), E_AUTH_FAILED);
	}
	switch (differ_next() % 5) {
	case 0:
		n = differ_next() % n;
		break;
	case 1:
		sig[n++] = (uint8_t)differ_next();
		break;
	case 2:
		memset(sig, differ_next() % 2 ? 0xff : 0, n);
		break;
	case 3: /* the second half is s of EdDSA */
		memset(sig + n / 2, 0xff, n - n / 2);
		break;
	default:
		differ_fill(sig, n);
		break;
	}
	return all_say(r, &how, slice_of(message, message_len), slice_of(sig, n), E_AUTH_FAILED);
}

bool differ_sign(struct differ_round *r)
{
	bool new_key = r->turn % KEY_INPUTS == 0 && !(r->turn && is_rsa(r));

	if (new_key) {
		if (r->turn)
			drop_keys(r);
		if (!load_keys(r))
			return false;
	}
	if (new_key || r->turn % 4 == 0)
		return sign_new(r);
	return r->turn % 4 == 1 ? one_change(r) : made_up(r);
}
