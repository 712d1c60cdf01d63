/* SPDX-License-Identifier: Apache-2.0 */
/* The top of the configuration: secrets, pools and authorities of swanctl.conf, and our own `aditd { }`. */
#include "config/schema.h"
#include "config/settings.h"

#define AT(field) .off = offsetof(struct conf_settings, field), .size = sizeof(((struct conf_settings *)0)->field)
#define NOWHERE .off = CONF_NOWHERE

/* ---- secrets -------------------------------------------------------------------------------------------------- */

static const struct conf_key shared_keys[] = {
	{ "secret", CONF_T_SECRET, CONF_HIDDEN, NOWHERE,
	  .doc = "The secret: text, 0x and hexadecimal digits, or 0s and base64." },
	{ "id", CONF_T_ID, CONF_SUFFIX, NOWHERE,
	  .doc = "An identity the secret belongs to; none: it belongs to everyone." },
};
static const struct conf_key ike_keys[] = {
	{ "secret", CONF_T_SECRET, CONF_HIDDEN, NOWHERE,
	  .doc = "The secret both sides prove themselves with: text, 0x and hexadecimal digits, or 0s and base64." },
	{ "local_secret", CONF_T_SECRET, CONF_HIDDEN, NOWHERE,
	  .doc = "Instead of secret: what we prove ourselves with; the peer has it as its remote_secret." },
	{ "remote_secret", CONF_T_SECRET, CONF_HIDDEN, NOWHERE,
	  .doc = "Along with local_secret: what the peer proves itself with." },
	{ "id", CONF_T_ID, CONF_SUFFIX, NOWHERE,
	  .doc = "An identity, address, prefix or host name the secret belongs to, also with wildcards; none: it belongs to everyone." },
};
static const struct conf_key key_file_keys[] = {
	{ "file", CONF_T_PATH, NOWHERE, .doc = "The key's file: an absolute path, or one below the folder of its kind (private, rsa, ecdsa, pkcs8, pkcs12) beside the "
		 "configuration." },
	{ "secret", CONF_T_SECRET, CONF_HIDDEN, NOWHERE, .doc = "Passphrase of the key." },
};
static const struct conf_key token_keys[] = {
	{ "handle", CONF_T_STRING, NOWHERE, .doc = "Hexadecimal CKA_ID of the private key." },
	{ "slot", CONF_T_INT, NOWHERE, .max = UINT32_MAX, .doc = "Slot of the token." },
	{ "module", CONF_T_STRING, NOWHERE, .doc = "PKCS#11 module." },
	{ "pin", CONF_T_SECRET, CONF_HIDDEN, NOWHERE, .doc = "PIN of the token." },
};
static const struct conf_schema schema_shared = { "shared secret", "A shared secret with its owners.", shared_keys,
	ARRAY_LEN(shared_keys) };
static const struct conf_schema schema_ike = { "preshared key", "A shared secret of IKE with its owners.", ike_keys,
	ARRAY_LEN(ike_keys) };
static const struct conf_schema schema_key_file = { "private key", "A private key and its passphrase.", key_file_keys,
	ARRAY_LEN(key_file_keys) };
static const struct conf_schema schema_token = { "token", "A private key on a token.", token_keys,
	ARRAY_LEN(token_keys) };

#define KEY_FILE(name, what) \
	{ name, CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_key_file, .doc = what " that is loaded, with its passphrase." }
static const struct conf_key secrets_keys[] = {
	{ "ike", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_ike, .doc = "A preshared key of IKE." },
	{ "eap", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_shared, .doc = "A password for EAP and XAuth." },
	{ "xauth", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_shared, .doc = "As eap." },
	{ "ntlm", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_shared,
	  .doc = "The NT hash of a password, for EAP-MSCHAPv2." },
	{ "ppk", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_shared, .doc = "A post-quantum preshared key." },
	KEY_FILE("private", "A private key of any kind"),
	KEY_FILE("rsa", "An RSA key"),
	KEY_FILE("ecdsa", "An ECDSA key"),
	KEY_FILE("pkcs8", "A PKCS#8 key"),
	KEY_FILE("pkcs12", "The key of a PKCS#12 container"),
	{ "token", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_token,
	  .doc = "A private key on a token." },
};
const struct conf_schema conf_schema_secrets = { "secrets", "Secrets by name; the name begins with the kind.",
	secrets_keys,
	ARRAY_LEN(secrets_keys) };

/* ---- pools and authorities --------------------------------------------------------------------------------------- */

static const struct conf_key pool_keys[] = {
	{ "addrs", CONF_T_STRING, NOWHERE, .doc = "The prefix or range addresses are given from." },
	{ "dns", CONF_T_STRINGS, NOWHERE, .doc = "DNS servers." },
	{ "nbns", CONF_T_STRINGS, NOWHERE, .doc = "NetBIOS name servers." },
	{ "dhcp", CONF_T_STRINGS, NOWHERE, .doc = "DHCP servers." },
	{ "netmask", CONF_T_STRINGS, NOWHERE, .doc = "Netmasks." },
	{ "server", CONF_T_STRINGS, NOWHERE, .doc = "Servers." },
	{ "subnet", CONF_T_STRINGS, NOWHERE, .doc = "Subnets the gateway protects." },
	{ "split_include", CONF_T_STRINGS, NOWHERE, .doc = "Networks that go through the tunnel." },
	{ "split_exclude", CONF_T_STRINGS, NOWHERE, .doc = "Networks that do not go through the tunnel." },
	{ "attribute", CONF_T_STRINGS, CONF_ANY_NAME, NOWHERE, .doc = "An attribute by its number." },
};
const struct conf_schema conf_schema_pool = { "pool", "A pool of virtual addresses and attributes.", pool_keys,
	ARRAY_LEN(pool_keys) };

static const struct conf_key authority_keys[] = {
	{ "cacert", CONF_T_STRING, NOWHERE, .doc = "The CA's certificate." },
	{ "file", CONF_T_PATH, NOWHERE, .doc = "Path of the CA's certificate." },
	{ "handle", CONF_T_STRING, NOWHERE, .doc = "Hexadecimal CKA_ID of the CA's certificate on a token." },
	{ "slot", CONF_T_INT, NOWHERE, .max = UINT32_MAX, .doc = "Slot of the token." },
	{ "module", CONF_T_STRING, NOWHERE, .doc = "PKCS#11 module." },
	{ "crl_uris", CONF_T_STRINGS, NOWHERE, .doc = "Where its CRLs are." },
	{ "ocsp_uris", CONF_T_STRINGS, NOWHERE, .doc = "Where its OCSP responders are." },
	{ "cert_uri_base", CONF_T_STRING, NOWHERE, .doc = "Base URI for hash and URL." },
};
const struct conf_schema conf_schema_authority = { "authority", "A certification authority.", authority_keys,
	ARRAY_LEN(authority_keys) };

static const struct conf_schema schema_attributes = { "attributes", "Attributes of the configuration payload.", pool_keys + 1,
	ARRAY_LEN(pool_keys) - 1 };

/* ---- aditd ------------------------------------------------------------------------------------------------------- */

static const struct conf_key plugin_keys[] = {
	{ "key", CONF_T_ANY, CONF_ANY_NAME, NOWHERE,
	  .doc = "A setting of the plugin; `adit list plugins` tells which it has." },
};
static const struct conf_schema schema_plugin = { "plugin", "Settings of a plugin.", plugin_keys,
	ARRAY_LEN(plugin_keys) };

static const struct conf_key aditd_keys[] = {
	{ "port", CONF_T_INT, AT(daemon.port), .min = 0, .max = 65535, .def = "500", .doc = "UDP port for IKE." },
	{ "port_nat_t", CONF_T_INT, AT(daemon.port_natt), .min = 0, .max = 65535, .def = "4500",
	  .doc = "UDP port for IKE and ESP behind NAT." },
	{ "retransmit_tries", CONF_T_INT, AT(daemon.retry.tries), .max = 100, .def = "5",
	  .doc = "Retransmissions of a request before the peer is given up." },
	{ "retransmit_timeout", CONF_T_TIME_MS, AT(daemon.retry.timeout_ms), .max = 60000, .unit = "s", .def = "4.0",
	  .doc = "Wait before the first retransmission." },
	{ "retransmit_base", CONF_T_DECIMAL, AT(daemon.retry.base_x1000), .max = 10000, .def = "1.8",
	  .doc = "Factor from one wait to the next." },
	{ "retransmit_jitter", CONF_T_INT, AT(daemon.retry.jitter_pct), .max = 20, .unit = "%", .def = "0",
	  .doc = "Up to this part is taken off each wait." },
	{ "retransmit_limit", CONF_T_TIME_MS, AT(daemon.retry.limit_ms), .max = 100000, .unit = "s", .def = "0",
	  .doc = "No wait is longer; 0 no limit." },
	{ "half_open_timeout", CONF_T_TIME_MS, AT(daemon.half_open_timeout_ms), .min = 100, .max = 3600000,
	  .unit = "s", .def = "30",
	  .doc = "IKE SAs that are not authenticated after this long are dropped." },
	{ "init_limit_half_open", CONF_T_INT, AT(daemon.init_limit_half_open), .max = UINT32_MAX, .def = "0",
	  .doc = "Half-open IKE SAs from which on new ones are refused; 0 no limit." },
	{ "cookie_threshold", CONF_T_INT, AT(daemon.cookie_threshold), .max = UINT32_MAX, .def = "30",
	  .doc = "Half-open IKE SAs from which on a cookie is asked for." },
	{ "block_threshold", CONF_T_INT, AT(daemon.block_threshold), .max = UINT32_MAX, .def = "5",
	  .doc = "Half-open IKE SAs of one address from which on it has to prove itself with a cookie; from 256 times as many on it is not answered." },
	{ "dos_protection", CONF_T_BOOL, AT(daemon.dos_protection), .def = "yes",
	  .doc = "Whether the two thresholds above hold." },
	{ "keep_alive", CONF_T_TIME_S, AT(daemon.keep_alive_s), .max = 3600, .unit = "s", .def = "20",
	  .doc = "Silence after which a NAT keepalive is sent; 0 never." },
	{ "delete_rekeyed_delay", CONF_T_TIME_S, AT(daemon.delete_rekeyed_delay_s), .max = 3600, .unit = "s",
	  .def = "5",
	  .doc = "How long the inbound half of a rekeyed child SA is kept." },
	{ "make_before_break", CONF_T_BOOL, AT(daemon.make_before_break), .def = "no",
	  .doc = "Whether reauthentication sets up the new IKE SA before it deletes the old." },
	{ "accept_private_algs", CONF_T_BOOL, CONF_LATER | CONF_CAN_OFF, AT(daemon.accept_private_algs), .def = "no",
	  .later = "algorithm numbers for private use",
	  .doc = "Whether algorithm numbers for private use are accepted from any vendor." },
	{ "hash_and_url", CONF_T_BOOL, AT(daemon.hash_and_url), .def = "no",
	  .doc = "Whether peers may send certificates as hash and URL (RFC 7296 section 3.6), which are fetched before the peer is "
		 "authenticated, and ours are sent so where an authority has cert_uri_base." },
	{ "hash_and_url_hosts", CONF_T_STRINGS, AT(hash_and_url_hosts),
	  .doc = "Hosts such certificates are fetched from (\"*.example.com\": all below); every one unless set. With it no "
		 "redirects are followed." },
	{ "initiator_only", CONF_T_BOOL, AT(daemon.initiator_only), .def = "no",
	  .doc = "Whether requests of strangers are ignored." },
	{ "flexible_addresses", CONF_T_BOOL, AT(daemon.flexible_addresses), .def = "yes",
	  .doc = "Whether an IKE SA follows a peer behind a NAT to a new address." },
	{ "fragment_size", CONF_T_INT, AT(daemon.fragment_size), .max = 65535, .unit = "bytes", .def = "1280",
	  .doc = "IKE messages that would make larger IP packets are sent in fragments (RFC 7383) when the peer takes "
		 "them; 0: 576 over IPv4, 1280 over IPv6. A message that is not answered is sent again in such "
		 "smallest ones." },
	{ "follow_redirects", CONF_T_BOOL, AT(daemon.follow_redirects), .def = "yes",
	  .doc = "Whether a gateway may send us to another one (RFC 5685), which has to prove the same identity." },
	{ "redirect_limit", CONF_T_INT, AT(daemon.redirect_limit), .min = 1, .max = 16, .def = "5",
	  .doc = "Redirects of one tunnel within redirect_period that are followed." },
	{ "redirect_period", CONF_T_TIME_S, AT(daemon.redirect_period_s), .min = 1, .max = 86400, .unit = "s", .def = "300",
	  .doc = "Time in which redirects are counted." },
	{ "redirect_gateway", CONF_T_GATEWAY, AT(redirect_gateway),
	  .doc = "Gateway (address or name) clients that follow redirects are sent to instead of setting up an IKE SA here, from one "
		 "of the two thresholds below on, or all of them when both are 0." },
	{ "redirect_ike_sas", CONF_T_INT, AT(daemon.redirect_ike_sas), .max = UINT32_MAX, .def = "0",
	  .doc = "IKE SAs from which on new clients are sent to redirect_gateway; 0: not looked at." },
	{ "redirect_half_open", CONF_T_INT, AT(daemon.redirect_half_open), .max = UINT32_MAX, .def = "0",
	  .doc = "Half-open IKE SAs from which on new clients are sent to redirect_gateway; 0: not looked at." },
	{ "redirect_delete_delay", CONF_T_TIME_S, AT(daemon.redirect_delete_delay_s), .max = 86400, .unit = "s", .def = "30",
	  .doc = "How long the IKE SA of a redirected client may stay before it is deleted from here; 0 for ever." },
	{ "max_children_per_ike", CONF_T_INT, AT(daemon.max_children_per_ike), .min = 1, .max = 1 << 20, .def = "1024",
	  .doc = "Child SAs of one IKE SA." },
	{ "max_ike_sas", CONF_T_INT, AT(daemon.max_ike_sas), .max = UINT32_MAX, .def = "0",
	  .doc = "IKE SAs; 0 no limit." },
	{ "max_pending_per_ike", CONF_T_INT, AT(daemon.max_pending_per_ike), .min = 1, .max = 1024, .def = "8",
	  .doc = "Messages that wait while an IKE SA is busy." },
	{ "socket", CONF_T_PATH, AT(socket), .doc = "Unix socket of the message API." },
	{ "pidfile", CONF_T_PATH, AT(pidfile), .doc = "File the process id is written to." },
	{ "plugin_dir", CONF_T_PATH, AT(plugin_dir), .doc = "Directory the plugins are loaded from." },
	{ "state_dir", CONF_T_PATH, AT(state_dir),
	  .doc = "Folder of what outlives the daemon (the history of the configuration); unless set the one it was built "
		 "with, when the API is on its usual socket, else none." },
	{ "kernel", CONF_T_STRING, AT(kernel),
	  .doc = "Plugin of the data plane by name; the best one that carries packets unless set." },
	{ "keep_state", CONF_T_BOOL, AT(keep_state), .def = "no",
	  .doc = "Whether SAs and policies stay in the kernel when the daemon ends: peers are not told, traffic goes on, and "
		 "the next start sets up new tunnels in their place (data planes of the kernel)." },
	{ "fwmark", CONF_T_INT, AT(fwmark), .max = UINT32_MAX, .def = "220",
	  .doc = "Mark of the packets IKE and ESP in UDP send; 0 none (then selectors that hold the peer itself "
		 "cannot be used)." },
	{ "load", CONF_T_STRINGS, CONF_SPACES, AT(load),
	  .doc = "Plugins to load; all that are there unless set. The first of them that has an algorithm serves it; only without this list the fastest does." },
	{ "interfaces_use", CONF_T_STRINGS, AT(interfaces_use),
	  .doc = "Network interfaces IKE is spoken on; all unless set." },
	{ "interfaces_ignore", CONF_T_STRINGS, AT(interfaces_ignore),
	  .doc = "Network interfaces IKE is not spoken on." },
	{ "log", CONF_T_STRING, AT(log), .doc = "Log levels of the standard error: \"1, ike=2, net=0\"." },
	{ "log_rate", CONF_T_INT, AT(log_rate), .max = UINT32_MAX, .def = "1000",
	  .doc = "Lines of one message per second; what is more is counted and told. Lines of level 0, and those a rule of "
		 "set-log-level asks for, are always written. 0: no limit." },
	{ "log_secrets", CONF_T_BOOL, AT(log_secrets), .def = "no",
	  .doc = "Whether level 4 may be asked for, which writes keys into the log." },
	{ "workers", CONF_T_INT, AT(workers), .max = 256,
	  .doc = "Threads for cryptography; one less than there are cores unless set; 0: none." },
	{ "expiry_warning", CONF_T_TIME_S, AT(expiry_warning_s), .max = 31536000, .unit = "s", .def = "30d",
	  .doc = "Time before a certificate of ours or of an authority expires from which on the log and an alert say so, again at "
		 "a quarter of it, at its end; 0 never." },
	{ "updown_timeout", CONF_T_TIME_S, AT(updown_timeout_s), .min = 1, .max = 3600, .unit = "s", .def = "30",
	  .doc = "Time an updown script may take; then it is killed with all it started." },
	{ "max_api_clients", CONF_T_INT, AT(max_api_clients), .min = 1, .max = 65535, .def = "512",
	  .doc = "Clients of the message API at the same time." },
	{ "api_group_read", CONF_T_STRING, AT(api_group_read),
	  .doc = "Unix group whose members may look at everything over the API." },
	{ "api_group_operate", CONF_T_STRING, AT(api_group_operate),
	  .doc = "Unix group whose members may also bring SAs up and down over the API." },
	{ "api_group_configure", CONF_T_STRING, AT(api_group_configure),
	  .doc = "Unix group whose members may do everything over the API." },
	{ "attributes", CONF_T_SECTION, NOWHERE, .sub = &schema_attributes,
	  .doc = "Attributes (DNS servers, networks ...) for every peer that gets a virtual address, behind those of its pool." },
	{ "plugins", CONF_T_SECTIONS, NOWHERE, .sub = &schema_plugin,
	  .doc = "Settings of plugins, by name of the plugin." },
};
const struct conf_schema conf_schema_aditd = { "aditd", "Settings of the daemon.", aditd_keys, ARRAY_LEN(aditd_keys) };

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static const struct conf_key root_keys[] = {
	{ "connections", CONF_T_SECTIONS, NOWHERE, .sub = &conf_schema_conn, .doc = "Connections by name." },
	{ "secrets", CONF_T_SECTION, NOWHERE, .sub = &conf_schema_secrets, .doc = "Secrets." },
	{ "pools", CONF_T_SECTIONS, NOWHERE, .sub = &conf_schema_pool,
	  .doc = "Pools of virtual addresses by name." },
	{ "authorities", CONF_T_SECTIONS, NOWHERE, .sub = &conf_schema_authority,
	  .doc = "Certification authorities by name." },
	{ "aditd", CONF_T_SECTION, NOWHERE, .sub = &conf_schema_aditd, .doc = "Settings of the daemon." },
};
const struct conf_schema conf_schema_root = { "configuration", "The configuration.", root_keys, ARRAY_LEN(root_keys) };
