#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""swanctl_conf.py KEYS CERT PUBKEY ADIT…: every key of swanctl.conf (KEYS, a line each) is set alone in a configuration that is
right otherwise. It is taken and shown (`adit config load`, `config show --transaction`), or it is an error that names it."""
import json, os, re, subprocess, sys, tempfile

KEYS, CERT, PUBKEY, ADIT = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]

# a value that is not the default, by the end of the key
VALUES = {
    "version": "2", "local_addrs": "192.0.2.9", "remote_addrs": "192.0.2.7", "local_port": "500", "remote_port": "501",
    "proposals": "aes128-sha256-modp2048", "vips": "0.0.0.0", "aggressive": "yes", "pull": "no", "dscp": "101110", "encap": "yes",
    "mobike": "no", "dpd_delay": "30s", "dpd_timeout": "2m", "fragmentation": "no", "childless": "prefer", "send_certreq": "no",
    "send_cert": "always", "ocsp": "both", "ppk_id": "ppk.test", "ppk_required": "yes", "keyingtries": "0", "unique": "keep",
    "rekey_time": "2h", "reauth_time": "3h", "over_time": "11m", "rand_time": "5m", "if_id_in": "7", "if_id_out": "8", "mediation": "yes",
    "mediated_by": "m", "mediation_peer": "m.test", "pools": "p", "round": "1", "certs": CERT, "cacerts": CERT, "pubkeys": PUBKEY,
    "auth": "pubkey", "id": "gw.test", "eap_id": "gw.test", "aaa_id": "aaa.test", "xauth_id": "x.test", "groups": "g", "cert_policy": "1.2.3.4",
    "ca_id": "C=CH, CN=x", "revocation": "strict", "file": CERT, "handle": "0a0b", "slot": "1", "module": "softhsm", "pin": "1234",
    "local_ts": "10.1.0.0/24", "remote_ts": "10.2.0.0/24", "esp_proposals": "aes128-sha256", "ah_proposals": "sha256", "mode": "transport",
    "start_action": "trap", "close_action": "trap", "dpd_action": "restart", "life_time": "3h", "rekey_bytes": "1G", "life_bytes": "2G",
    "rand_bytes": "1M", "rekey_packets": "1000000", "life_packets": "2000000", "rand_packets": "1000", "inactivity": "10m", "reqid": "77",
    "priority": "5", "interface": "lo", "mark_in": "0x10/0xff", "mark_out": "0x20", "mark_in_sa": "yes", "set_mark_in": "0x30", "set_mark_out": "0x40",
    "label": "system_u:object_r:t:s0", "label_mode": "selinux", "tfc_padding": "mtu", "replay_window": "64", "hw_offload": "auto",
    "copy_df": "no", "copy_ecn": "no", "copy_dscp": "yes", "sha256_96": "yes", "hostaccess": "yes", "updown": "/bin/true", "policies": "no",
    "policies_fwd_out": "yes", "ipcomp": "yes", "per_cpu_sas": "yes", "secret": "a shared secret of some length", "addrs": "10.9.0.0/24",
    "<attr>": "10.9.0.53", "cacert": CERT, "crl_uris": "http://192.0.2.1/crl", "ocsp_uris": "http://192.0.2.1/ocsp",
    "cert_uri_base": "http://192.0.2.1/c/",
}
# what else has to be there, or away, so that the key makes sense: paths of the configuration
BESIDES = {
    "reauth_time": {"connections.t.rekey_time": None}, "life_bytes": {"connections.t.children.net.rekey_bytes": "1G"},
    "rand_bytes": {"connections.t.children.net.rekey_bytes": "1G"}, "life_packets": {"connections.t.children.net.rekey_packets": "1000000"},
    "rand_packets": {"connections.t.children.net.rekey_packets": "1000000"}, "ah_proposals": {"connections.t.children.net.esp_proposals": None},
    "set_mark_in": {}, "pools": {"pools.p.addrs": "10.9.0.0/24"}, "mark_in_sa": {"connections.t.children.net.mark_in": "0x10"},
}


def put(tree, path, value):
    *sections, key = path
    for s in sections:
        tree = tree.setdefault(s, {})
    if value is None:
        tree.pop(key, None)
    else:
        tree[key] = value


def get(tree, path):
    for s in path:
        tree = tree.get(s) if isinstance(tree, dict) else None
    return tree


def path_of(key):
    p = key.replace("<conn>", "t").replace("<child>", "net").replace("<suffix>", "").replace("<attr>", "dns").replace("pools.<name>", "pools.p")
    return p.replace("authorities.<name>", "authorities.lab").split(".")


def config(key, path):
    tree = {"connections": {"t": {"version": "2", "remote_addrs": "192.0.2.1", "local": {"auth": "psk"}, "remote": {"auth": "psk"},
                                  "children": {"net": {"remote_ts": "10.2.0.0/24"}}}}, "secrets": {"ike-1": {"secret": "x" * 20}}}
    end = key.rsplit(".", 1)[1]
    if path[0] == "connections" and {"cert", "certs", "cacert", "cacerts", "pubkeys", "ca_id", "cert_policy", "revocation", "groups"} & set(path):
        tree["connections"]["t"][path[2]]["auth"] = "pubkey"
    if path[0] == "pools":
        put(tree, ["pools", "p", "addrs"], "10.9.0.0/24")
    if path[0] == "authorities" and end in ("crl_uris", "ocsp_uris", "cert_uri_base"):
        put(tree, ["authorities", "lab", "cacert"], CERT)
    if path[0] == "secrets":
        put(tree, path[:2] + ["secret"], "y" * 20)
    for p, v in BESIDES.get(end, {}).items():
        put(tree, p.split("."), v)
    put(tree, path, VALUES[end.split("<suffix>")[0] if end != "<attr>" else end])
    return tree


def adit(*args):
    return subprocess.run(ADIT + list(args), capture_output=True, text=True, timeout=60)


def same(shown, set_):
    shown = ", ".join(shown) if isinstance(shown, list) else str(shown).lower()
    shown = {"true": "yes", "false": "no"}.get(shown, shown)
    shown, set_ = shown.lower(), set_.lower()
    return shown == set_ or shown == "<hidden>" or shown in set_ or shown.startswith("0x")


n = bad = taken = refused = 0
for key in (k.strip() for k in open(KEYS)):
    end = key.rsplit(".", 1)[-1].split("<suffix>")[0] if not key.endswith("<attr>") else "<attr>"
    if "." not in key or end not in VALUES or key.endswith(("cert<suffix>", "cacert<suffix>")):
        # sections: what is in them is tried
        if key != "secrets.xauth<suffix>" and not any(k.startswith(key + ".") for k in map(str.strip, open(KEYS))):
            n, bad = n + 1, bad + 1
            print("not ok %d - %s: this test has no value for it" % (n, key))
        continue
    n += 1
    path = path_of(key)
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as f:
        json.dump(config(key, path), f)
    done = adit("--json", "config", "load", f.name)
    os.unlink(f.name)
    said = done.stdout + done.stderr
    if done.returncode == 0:
        taken += 1
        status = json.loads(adit("--json", "config", "status").stdout)
        shown = adit("--json", "config", "show", "--transaction", status["transactions"][-1]["name"])
        value = get(json.loads(shown.stdout), path)
        if path[0] == "secrets" and path[2] == "id":
            value = get(json.loads(shown.stdout), path[:2] + ["id-1"])
        ok = value is not None and same(value, get(config(key, path), path))
        what = "taken, and shown as %s" % (value,)
    else:
        refused += 1
        # the section that holds it may be what is named: secrets.rsa, say
        ok = re.search(r"(?<![a-z_])%s(?![a-z])" % re.escape(path[-1]), said) or (path[0] == "secrets" and path[1] in said)
        what = "refused: " + said.strip().split("\n")[0][:160]
    bad += not ok
    print("%sok %d - %s: %s" % ("" if ok else "not ", n, key, what))
    adit("config", "abort")
print("# %d keys: %d taken and shown, %d refused by name" % (n, taken, refused))
print("1..%d" % n)
sys.exit(bool(bad) or n < 130)
