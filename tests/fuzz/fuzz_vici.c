/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of API clients: what is well-formed is written again and has to be the same. */
#include "api/vici/vici.h"
#include "fuzz.h"

const char *const fuzz_name = "vici";

static void text_of_name(slice name, char buf[VICI_NAME_MAX + 1])
{
	if (name.n)
		memcpy(buf, name.p, name.n);
	buf[name.n] = 0;
}

static void write_again(slice body)
{
	struct vici_out o;
	struct vici_in in = vici_in_of(body);
	struct vici_elem el;
	char name[VICI_NAME_MAX + 1];
	bool zero_in_name = false;

	vici_out_init(&o, VICI_CMD_RESPONSE, NULL, 0);
	while ((el = vici_next(&in)).type != VICI_END) {
		text_of_name(el.name, name);
		zero_in_name |= memchr(name, 0, el.name.n) != NULL;
		switch (el.type) {
		case VICI_SECTION_START:
			vici_section(&o, name);
			break;
		case VICI_SECTION_END:
			vici_section_end(&o);
			break;
		case VICI_KEY_VALUE:
			vici_kv(&o, name, el.value);
			break;
		case VICI_LIST_START:
			vici_list(&o, name);
			break;
		case VICI_LIST_ITEM:
			vici_item(&o, el.value);
			break;
		default:
			vici_list_end(&o);
			break;
		}
	}
	FUZZ_CHECK(vici_in_close(&in) == 0);
	slice frame;
	if (vici_out_frame(&o, &frame) == 0 && !zero_in_name)
		FUZZ_CHECK(frame.n == 5 + body.n && slice_equal(slice_of(frame.p + 5, body.n), body));
	vici_out_fini(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct vici_packet p;
	char text[64];
	slice value;
	size_t cursor = 0;

	if (vici_packet_read(slice_of(data, n), &p) != 0)
		return 0;
	if (vici_check(p.body) == 0)
		write_again(p.body);
	(void)vici_find(p.body, "name", &value);
	(void)vici_find_text(p.body, "ike", text, sizeof text);
	while (vici_find_item(p.body, "owners", &cursor, &value))
		FUZZ_CHECK(value.n <= p.body.n);
	return 0;
}
