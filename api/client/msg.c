/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of a call: a thin public layer over the encoder. */
#include "api/client/msg.h"

#include <inttypes.h>
#include <stdlib.h>

PUBLIC struct adit_msg *adit_msg_new(void)
{
	struct adit_msg *m = malloc(sizeof *m);
	if (m) {
		vici_out_init_body(&m->o, 0);
		/* It may become a secret. */
		m->o.secret = true;
	}
	return m;
}

PUBLIC void adit_msg_free(struct adit_msg *m)
{
	if (m)
		vici_out_fini(&m->o);
	free(m);
}

PUBLIC void adit_msg_bytes(struct adit_msg *m, const char *key, const void *value, size_t n)
{
	if (m)
		vici_kv(&m->o, key, slice_of(value, n));
}

PUBLIC void adit_msg_text(struct adit_msg *m, const char *key, const char *value)
{
	adit_msg_bytes(m, key, value, strlen(value));
}

PUBLIC void adit_msg_int(struct adit_msg *m, const char *key, int64_t value)
{
	if (m)
		vici_kv_fmt(&m->o, key, "%" PRId64, value);
}

PUBLIC void adit_msg_section(struct adit_msg *m, const char *name)
{
	if (m)
		vici_section(&m->o, name);
}

PUBLIC void adit_msg_section_end(struct adit_msg *m)
{
	if (m)
		vici_section_end(&m->o);
}

PUBLIC void adit_msg_list(struct adit_msg *m, const char *name)
{
	if (m)
		vici_list(&m->o, name);
}

PUBLIC void adit_msg_item(struct adit_msg *m, const void *value, size_t n)
{
	if (m)
		vici_item(&m->o, slice_of(value, n));
}

PUBLIC void adit_msg_list_end(struct adit_msg *m)
{
	if (m)
		vici_list_end(&m->o);
}
