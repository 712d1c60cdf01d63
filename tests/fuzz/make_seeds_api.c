/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of the API: single packets of vici, and what clients say in a row. */
#include "api/vici/vici.h"
#include "tests/fuzz/make_seeds.h"

static void vici_seed(const char *name, struct vici_out *o)
{
	slice frame;
	if (vici_out_frame(o, &frame))
		exit(1);
	seed1("vici", name, slice_of(frame.p + 4, frame.n - 4));
	vici_out_fini(o);
}

void vici_seeds(void)
{
	struct vici_out o;
	vici_out_init(&o, VICI_CMD_REQUEST, "version", 0);
	vici_seed("version", &o);
	vici_out_init(&o, VICI_EVENT_REGISTER, "ike-updown", 0);
	vici_seed("register", &o);
	vici_out_init(&o, VICI_CMD_REQUEST, "load-conn", 0);
	vici_section(&o, "gw");
	vici_kv_str(&o, "version", "2");
	vici_list(&o, "local_addrs");
	vici_item_str(&o, "10.0.0.1");
	vici_item_str(&o, "fd00::1");
	vici_list_end(&o);
	vici_section(&o, "local-1");
	vici_kv_str(&o, "auth", "psk");
	vici_section_end(&o);
	vici_section(&o, "children");
	vici_section(&o, "net");
	vici_list(&o, "local_ts");
	vici_item_str(&o, "10.1.0.0/24");
	vici_list_end(&o);
	vici_section_end(&o);
	vici_section_end(&o);
	vici_section_end(&o);
	vici_seed("load-conn", &o);
	vici_out_init(&o, VICI_CMD_REQUEST, "load-shared", 0);
	vici_kv_str(&o, "type", "IKE");
	vici_kv(&o, "data", slice_of(seed_filler, 16));
	vici_list(&o, "owners");
	vici_item_str(&o, "gwa.test");
	vici_list_end(&o);
	vici_seed("load-shared", &o);
	vici_out_init(&o, VICI_CMD_REQUEST, "initiate", 0);
	vici_kv_str(&o, "child", "net");
	vici_kv_str(&o, "timeout", "-1");
	vici_kv_str(&o, "name", "x");
	vici_kv_str(&o, "ike", "gw");
	vici_seed("initiate", &o);
}

/* Packets one after the other, each behind its length (fuzz_api.c). */
static void api_seed(const char *name, struct vici_out *o, size_t n)
{
	FILE *f = seed_create("api", name);
	for (size_t i = 0; i < n; i++) {
		slice frame;
		if (vici_out_frame(&o[i], &frame))
			exit(1);
		fputc((int)((frame.n - 4) >> 8), f);
		fputc((int)((frame.n - 4) & 0xff), f);
		fwrite(frame.p + 4, 1, frame.n - 4, f);
		vici_out_fini(&o[i]);
	}
	fclose(f);
}

static void api_list_seed(const char *name, const char *event, const char *method)
{
	struct vici_out o[3];
	vici_out_init(&o[0], VICI_EVENT_REGISTER, event, 0);
	vici_out_init(&o[1], VICI_CMD_REQUEST, method, 0);
	vici_out_init(&o[2], VICI_EVENT_UNREGISTER, event, 0);
	api_seed(name, o, ARRAY_LEN(o));
}

static void api_conn(struct vici_out *o)
{
	vici_out_init(o, VICI_CMD_REQUEST, "load-conn", 0);
	vici_section(o, "gw");
	vici_kv_str(o, "version", "2");
	vici_list(o, "remote_addrs");
	vici_item_str(o, "10.0.0.2");
	vici_list_end(o);
	vici_section(o, "local");
	vici_kv_str(o, "auth", "psk");
	vici_kv_str(o, "id", "gwa.test");
	vici_section_end(o);
	vici_section(o, "remote");
	vici_kv_str(o, "auth", "psk");
	vici_section_end(o);
	vici_section(o, "children");
	vici_section(o, "net");
	vici_list(o, "remote_ts");
	vici_item_str(o, "10.2.0.0/24[tcp/22]");
	vici_list_end(o);
	vici_kv_str(o, "esp_proposals", "aes128gcm16-x25519, default");
	vici_kv_str(o, "rekey_time", "1h");
	vici_section_end(o);
	vici_section_end(o);
	vici_section_end(o);
}

void api_seeds(void)
{
	struct vici_out o[4];
	api_list_seed("list-sas", "list-sa", "list-sas");
	api_list_seed("list-conns", "list-conn", "list-conns");
	api_list_seed("list-policies", "list-policy", "list-policies");
	api_list_seed("get-algorithms", "log", "get-algorithms");
	api_list_seed("describe", "alert", "describe");
	api_conn(&o[0]);
	vici_out_init(&o[1], VICI_EVENT_REGISTER, "control-log", 0);
	vici_out_init(&o[2], VICI_CMD_REQUEST, "initiate", 0);
	vici_kv_str(&o[2], "child", "net");
	vici_kv_str(&o[2], "timeout", "2000");
	vici_kv_str(&o[2], "loglevel", "2");
	vici_out_init(&o[3], VICI_CMD_REQUEST, "unload-conn", 0);
	vici_kv_str(&o[3], "name", "gw");
	api_seed("conn", o, 4);
	vici_out_init(&o[0], VICI_CMD_REQUEST, "load-shared", 0);
	vici_kv_str(&o[0], "id", "ike-1");
	vici_kv_str(&o[0], "type", "ike");
	vici_kv_str(&o[0], "data", "secret");
	vici_list(&o[0], "owners");
	vici_item_str(&o[0], "gwa.test");
	vici_item_str(&o[0], "C=CH, O=Lab, CN=user");
	vici_list_end(&o[0]);
	vici_out_init(&o[1], VICI_CMD_REQUEST, "get-shared", 0);
	vici_out_init(&o[2], VICI_CMD_REQUEST, "unload-shared", 0);
	vici_kv_str(&o[2], "id", "ike-1");
	vici_out_init(&o[3], VICI_CMD_REQUEST, "terminate", 0);
	vici_kv_str(&o[3], "ike-id", "7");
	vici_kv_str(&o[3], "force", "yes");
	api_seed("shared", o, 4);
}
