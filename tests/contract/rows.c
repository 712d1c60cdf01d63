/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the contract. */
#include "tests/contract/rows.h"

#define PAIR(outer, inner) ((uint32_t)NET_##outer << 4 | NET_##inner)

const struct row contract_rows[] = {
	{ "ESP tunnel, IPv4 in IPv4, with counters", KERN_CAP_RAW_ESP, 0, 0, r_tunnel, PAIR(V4, V4) },
	{ "ESP tunnel, IPv6 in IPv4", KERN_CAP_RAW_ESP, 0, 0, r_tunnel, PAIR(V4, V6) },
	{ "ESP tunnel, IPv4 in IPv6", KERN_CAP_RAW_ESP, 0, 0, r_tunnel, PAIR(V6, V4) },
	{ "ESP tunnel, IPv6 in IPv6", KERN_CAP_RAW_ESP, 0, 0, r_tunnel, PAIR(V6, V6) },
	{ "IPv4 and IPv6 in one SA", KERN_CAP_MIXED, 0, 0, r_mixed, 0 },
	{ "transport mode", KERN_CAP_TRANSPORT, 0, 0, r_mode, KERN_TRANSPORT },
	{ "BEET mode", KERN_CAP_BEET, 0, 0, r_mode, KERN_BEET },
	{ "UDP encapsulation", KERN_CAP_ENCAP, 0, 0, r_encap, 0 },
	{ "AH", KERN_CAP_AH, 0, 0, r_ah, 0 },
	{ "IPComp", KERN_CAP_IPCOMP, 0, 0, r_ipcomp, 0 },
	{ "extended sequence numbers", KERN_CAP_ESN, 0, 0, r_esn, 0 },
	{ "HMAC-SHA-256 cut to 96 bits", KERN_CAP_SHA256_96, 0, 0, r_sha256_96, 0 },
	{ "an unknown algorithm is refused", 0, 0, ROW_MOVES, r_bad_algorithm, 0 },
	{ "replay window of 32 packets", 0, 32, 0, r_window, 32 },
	{ "replay window of 4,096 packets", 0, 4096, 0, r_window, 4096 },
	{ "forged packets are dropped", 0, 0, ROW_MOVES, r_forged, 0 },
	{ "forged and replayed packets are counted", KERN_CAP_DROPS, 0, ROW_MOVES | ROW_GIVEN, r_forged, 0 },
	{ "lifetime in seconds, soft and hard", 0, 0, 0, r_time, 0 },
	{ "lifetime in packets", 0, 0, ROW_MOVES, r_volume, 0 },
	{ "lifetime in bytes", 0, 0, ROW_MOVES, r_volume, 1 },
	{ "trap and acquire", KERN_CAP_TRAP, 0, 0, r_trap, 0 },
	{ "a NAT's new mapping is told", KERN_CAP_ENCAP, 0, ROW_MOVES, r_mapping, 0 },
	{ "SAs move to other addresses", KERN_CAP_MOVE, 0, 0, r_move, 0 },
	{ "interface ids", KERN_CAP_IF_ID, 0, 0, r_if_id, 0 },
	{ "marks of policies and SAs", KERN_CAP_MARK, 0, 0, r_mark, 0 },
	{ "marks set on packets", KERN_CAP_SET_MARK, 0, 0, r_set_mark, 0 },
	{ "marks of inbound SAs", KERN_CAP_SET_MARK, 0, 0, r_mark_sa, 0 },
	{ "shunt: pass", 0, 0, 0, r_pass, 0 },
	{ "shunt: drop, with a priority of its own", 0, 0, 0, r_drop, 0 },
	{ "a policy that is used twice outlives the first", 0, 0, 0, r_uses, 0 },
	{ "selectors with a port", 0, 0, 0, r_port, 0 },
	{ "selectors with a range of ports", KERN_CAP_PORT_RANGES, 0, 0, r_port_range, 0 },
	{ "selectors with a range of addresses", 0, 0, 0, r_addr_range, 0 },
	{ "policies of one network interface", KERN_CAP_INTERFACE, 0, 0, r_interface, 0 },
	{ "policies for what is forwarded out", KERN_CAP_FWD, 0, 0, r_bare, 0 },
	{ "DSCP, ECN and DF to the outer header, or DF cleared", 0, 0, 0, r_header, 0 },
	{ "ECN kept away from the outer header", 0, 0, 0, r_header, 1 },
	{ "DSCP kept away from the outer header", KERN_CAP_DSCP_OFF, 0, 0, r_header, 2 },
	{ "TFC padding", KERN_CAP_TFC, 0, 0, r_tfc, 0 },
	{ "hardware offload only when there is some", 0, 0, ROW_MOVES, r_offload, KERN_OFFLOAD_AUTO },
	{ "hardware offload that is asked for and not there is refused", KERN_CAP_OFFLOAD, 0, ROW_MOVES, r_offload, KERN_OFFLOAD_CRYPTO },
	{ "errors: there already, unknown, half a batch", 0, 0, 0, r_errors, 0 },
	{ "a policy of another program stays", 0, 0, ROW_KERNEL, r_foreign, 0 },
	{ "the end leaves nothing, and nothing of others is touched", 0, 0, ROW_MOVES, r_stop, 0 },
	{ "the state of an earlier run is taken over", 0, 0, ROW_KEEPS | ROW_KERNEL | ROW_GIVEN, r_keep, 0 },
};
const size_t n_contract_rows = ARRAY_LEN(contract_rows);

bool row_declared(const struct row *r, const struct kern_ops *ops, uint32_t caps)
{
	return (caps & r->caps) == r->caps && ops->max_replay_window >= r->window &&
		(!(r->flags & ROW_KEEPS) || KERN_OPS_HAS(ops, keep));
}
