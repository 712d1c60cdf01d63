/* SPDX-License-Identifier: Apache-2.0 */
/* EAP payload (RFC 7296 section 3.16, RFC 3748 section 4). */
#include "wire/pld.h"

enum { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };

PLD_DECODE(eap)
{
	struct wire_eap *eap = PLD_ONE(m, eap);
	if (!eap)
		return E_NOMEM;
	eap->packet = slice_of(r->p, rd_left(r));
	eap->code = rd_u8(r);
	eap->id = rd_u8(r);
	uint16_t len = rd_u16(r);
	if (len != eap->packet.n)
		return diag_set(why, E_SYNTAX, "the EAP packet says %u bytes, the payload has %zu", len, eap->packet.n);
	if (eap->code < EAP_REQUEST || eap->code > EAP_FAILURE)
		return diag_set(why, E_SYNTAX, "EAP code %u, 1 to 4 are allowed", eap->code);
	if (eap->code <= EAP_RESPONSE)
		eap->type = rd_u8(r);
	else if (rd_left(r))
		return diag_set(why, E_SYNTAX, "an EAP success or failure of %u bytes, it has 4", len);
	rd_rest(r);
	return r->err;
}

void wire_put_eap(struct ike_out *o, slice packet)
{
	wire_pld_begin(o, PLD_EAP);
	wr_bytes(&o->w, packet);
	wire_pld_end(o);
}

PLD_ENCODE(eap)
{
	(void)i;
	wire_put_eap(o, m->eap->packet);
}

PLD_TEXT(eap)
{
	static const struct {
		uint8_t type;
		const char *name;
	} types[] = {
		{ 1, "ID" }, { 2, "NOT" }, { 3, "NAK" }, { 4, "MD5" }, { 5, "OTP" }, { 6, "GTC" }, { 13, "TLS" },
		{ 18, "SIM" }, { 21, "TTLS" }, { 23, "AKA" }, { 25, "PEAP" }, { 26, "MSCHAPV2" }, { 33, "MSTLV" },
		{ 38, "TNC" }, { 50, "AKA'" }, { 52, "PWD" }, { 53, "EKE" }, { 254, "EXP" }, { 255, "XP" },
	};
	const struct wire_eap *eap = m->eap;
	(void)i;
	if (eap->code > EAP_RESPONSE) {
		text_str(t, eap->code == EAP_SUCCESS ? "EAP/SUCC" : "EAP/FAIL");
		return;
	}
	text_str(t, eap->code == EAP_REQUEST ? "EAP/REQ/" : "EAP/RES/");
	for (size_t k = 0; k < ARRAY_LEN(types); k++)
		if (types[k].type == eap->type) {
			text_str(t, types[k].name);
			return;
		}
	text_fmt(t, "%u", eap->type);
}
