/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of typed.c: readers of single keys. Each collects its findings in *why and returns the first error. */
#ifndef ADIT_CONFIG_TYPED_INT_H
#define ADIT_CONFIG_TYPED_INT_H

#include "config/typed.h"

/* node NULL: the key is not set. */
struct conf_addrs {
	struct net_addr *addrs; /* single addresses */
	struct ts_sel *nets;    /* all of them; none: any */
	char **texts;
	uint16_t n_addrs, n_nets;
};
MUST err_t conf_read_addrs(const struct conf_node *node, struct conf_addrs *out, struct diag **why);
MUST err_t conf_read_ts(const struct conf_node *node, struct conf_ts **out, uint16_t *n, struct diag **why);
/* section: where a finding is said when the key is not set. *remarks: of what was accepted, but not as it stands.
 * E_NEEDS: nothing is wrong, but what is loaded carries none of it (*remarks says which). */
MUST err_t conf_read_props(const struct conf_node *section, const struct conf_node *node, uint8_t proto,
			   const struct suite_env *env, struct suite_list *out, struct diag **remarks, struct diag **why);
MUST err_t conf_read_id(const struct conf_node *node, struct conf_id *out, struct diag **why);
MUST err_t conf_read_auth(const struct conf_node *round, const struct conf_node *node, const struct conf_can *can,
			  struct conf_auth *out, struct diag **why);
/* The words of `auth` for signatures. */
MUST err_t conf_read_sigs(const struct conf_node *node, const char *text, struct conf_sigs *out, struct diag **why);
/* certs, cacerts, pubkeys, cert_policy, groups, ca_id, revocation; behind `id`. */
MUST err_t conf_read_creds(const char *conn, const struct conf_node *round, bool local, const struct conf_can *can, struct conf_auth *a,
			   struct diag **why);
/* Fills in what was left unset (UINT64_MAX). */
void conf_derive_child(struct conf_child *c);
void conf_derive_conn(struct conf_conn *c);
/* The value is there and not empty. */
bool conf_is_set(const struct conf_node *n);

/* fixed.c: static_spi_… and static_key_…, behind the proposals and the lifetimes of the child. */
MUST err_t conf_read_fixed(const struct conf_node *sec, const struct conf_conn *conn, struct conf_child *c, struct diag **why);
/* vif.c: what the keys vif_… and inject_… of a connection mean together. */
MUST err_t conf_read_vif(const struct conf_node *sec, const struct conf_can *can, struct conf_conn *c, struct diag **why);

#endif
