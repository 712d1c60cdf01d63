/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys held by a plugin of our own: in locked memory, signing through the best PLUG_SIGN provider that can. Used by
 * cred-memory and cred-file. add, del and each on the loop thread; sign on any, several at once, also while a key is deleted.
 */
#ifndef ADIT_CRED_COMMON_KEYS_H
#define ADIT_CRED_COMMON_KEYS_H

#include "plugin/abi_cert.h"
#include "plugin/abi_cred.h"

struct keys;

struct keys *keys_new(const struct plug_host *host);
void keys_free(struct keys *k);
/* pkcs8 is copied. A key that is there already keeps its number (its label is the old one). tag: what it came with, for
 * keys_del_tag. E_LIMIT, E_NOT_SUPPORTED (no provider signs with it), E_BAD_VALUE. */
MUST err_t keys_add(struct keys *k, slice pkcs8, slice spki, const char *label, uint64_t tag, uint64_t *number);
MUST err_t keys_del(struct keys *k, uint64_t number);
/* All that have not this tag; returns how many. */
size_t keys_del_other(struct keys *k, uint64_t tag);
void keys_each(struct keys *k, void (*cb)(void *arg, const struct cred_key_info *i), void *arg);
size_t keys_count(const struct keys *k);
/* As cred_ops.sign, with CRED_SYNC_WORKER. */
MUST err_t keys_sign(struct keys *k, const struct cred_sign *what, uint8_t *sig, size_t *len);

#endif
