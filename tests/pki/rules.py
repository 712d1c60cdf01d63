# SPDX-License-Identifier: Apache-2.0
"""Each rule of RFC 5280 section 6 that NIST PKITS tests in its sections 4.8 to 4.16, with certificates of our own."""
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.x509 import ocsp

from maker import *

PKI = sys.argv[1:]
P1, P2, P3, P4, ANY = ["1.3.6.1.4.1.55555.%d" % i for i in (1, 2, 3, 4)] + ["2.5.29.32.0"]
R = x509.ReasonFlags
done = bad = 0
top = tempfile.mkdtemp(prefix="adit-pki-rules-")


def verify(anchor, between, crls, leaf, *options):
    args = PKI + ["verify", "--time", "2026-06-01T00:00:00Z", "--anchor", anchor]
    for f in between:
        args += ["--intermediate", f]
    for f in crls:
        args += ["--crl", f]
    return subprocess.run(args + list(options) + [leaf], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)


def check(what, result, valid, code=None):
    global done, bad
    done += 1
    text = result.stdout.decode(errors="replace")
    if result.returncode == (0 if valid else 1) and (code is None or code in text):
        print("ok %d - %s" % (done, what))
        return
    bad += 1
    print("not ok %d - %s: expected %s, status %d" % (done, what, "valid" if valid else "invalid", result.returncode))
    print("".join("# %s\n" % line for line in text.splitlines()), end="")


class Step:
    """A certificate of a path below the root; si: self-issued, with a new key."""

    def __init__(self, *exts, si=False, path_len=None, subject=None, leaf=False):
        self.exts, self.si, self.path_len, self.subject, self.leaf = exts, si, path_len, subject, leaf


def path(what, steps, valid, *options, code=None):
    lab = Lab("%s/%d" % (top, done))
    issuer, k, files, crls = "O=Lab,CN=Root", 0, [], []
    root = lab.cert(issuer, issuer, key(0), key(0), ca=True)
    crls.append(lab.crl(issuer, key(0)))
    for i, s in enumerate(steps):
        last = i == len(steps) - 1
        subject = s.subject or (issuer if s.si else "O=Lab,CN=%s%d" % ("EE" if last else "CA", i))
        files.append(lab.cert(subject, issuer, key(i + 1), key(i), *s.exts, ca=not last or s.leaf, path_len=s.path_len))
        if not last or s.leaf:
            crls.append(lab.crl(subject, key(i + 1)))
        issuer = subject
    check(what, verify(root, files[:-1], crls, files[-1], *options), valid, code)


def ca(*exts, **kw):
    return Step(*exts, **kw)


ee = ca
EXPL, NOANY, NOMAP = "--require-explicit-policy", "--inhibit-any-policy", "--inhibit-policy-mapping"


def want(*oids):
    return [x for o in oids for x in ("--policy", o)]


# ---- 4.8 certificate policies
same = [ca(policies(P1)), ee(policies(P1))]
path("4.8.1 same policy, explicit", same, True, EXPL)
path("4.8.1 same policy, wanted", same, True, EXPL, *want(P1))
path("4.8.1 same policy, another is wanted", same, False, EXPL, *want(P2), code="policy")
path("4.8.1 same policy, one of two is wanted", same, True, EXPL, *want(P1, P2))
path("4.8.1 a wanted policy alone does not require one", same, True, *want(P2))
path("4.8.1 same policy, anyPolicy is wanted beside another", same, True, EXPL, *want(P2, ANY))
path("4.8.2 no policies", [ca(), ee()], True)
path("4.8.2 no policies, explicit", [ca(), ee()], False, EXPL)
path("4.8.3 one CA has none", [ca(policies(P1)), ca(), ee(policies(P1))], True)
path("4.8.3 one CA has none, explicit", [ca(policies(P1)), ca(), ee(policies(P1))], False, EXPL)
path("4.8.4 policies differ", [ca(policies(P1)), ca(policies(P2)), ee(policies(P2))], False, EXPL)
path("4.8.5 the leaf differs", [ca(policies(P1)), ee(policies(P2))], False, EXPL)
path("4.8.6 overlap", [ca(policies(P1, P2, P3)), ca(policies(P1, P2)), ee(policies(P1))], True, EXPL, *want(P1))
path("4.8.6 overlap, the other is wanted", [ca(policies(P1, P2, P3)), ca(policies(P1, P2)), ee(policies(P1))], False, EXPL, *want(P2))
path("4.8.7 overlap lost below", [ca(policies(P1, P2)), ca(policies(P1)), ee(policies(P2))], False, EXPL)
path("4.8.10 two policies", [ca(policies(P1, P2)), ee(policies(P1, P2))], True, EXPL, *want(P2))
path("4.8.11 anyPolicy all the way", [ca(policies(ANY)), ee(policies(ANY))], True, EXPL, *want(P1))
path("4.8.12 the CA has P3, the leaf another", [ca(policies(P3)), ee(policies(P1))], False, EXPL)
path("4.8.13 three policies", [ca(policies(P1, P2, P3)), ee(policies(P1, P2, P3))], True, EXPL, *want(P3))
path("4.8.14 anyPolicy of the CA", [ca(policies(ANY)), ee(policies(P1))], True, EXPL, *want(P1))
path("4.8.14 anyPolicy of the CA, another is wanted", [ca(policies(ANY)), ee(policies(P1))], False, EXPL, *want(P2))
path("4.8.20 anyPolicy of the leaf below P1", [ca(policies(P1)), ee(policies(ANY))], True, EXPL, *want(P1))
path("4.8.20 anyPolicy of the leaf below P1, P2 is wanted", [ca(policies(P1)), ee(policies(ANY))], False, EXPL, *want(P2))

# ---- 4.9 require explicit policy
path("4.9.1 in 10", [ca(constraints(explicit=10)), ca(), ca(), ee()], True)
path("4.9.2 in 5", [ca(constraints(explicit=5)), ca(), ca(), ee()], True)
path("4.9.3 in 4, path of 5", [ca(constraints(explicit=4)), ca(), ca(), ca(), ee()], False)
path("4.9.3 in 0 with a policy", [ca(policies(P1), constraints(explicit=0)), ee(policies(P1))], True)
path("4.9.4 in 2 with policies", [ca(policies(P1), constraints(explicit=2)), ca(policies(P1)), ca(policies(P1)), ee(policies(P1))], True)
path("4.9.5 in 0, none", [ca(constraints(explicit=0)), ca(), ee()], False)
path("4.9.5 leaf asks at once", [ca(), ee(constraints(explicit=0))], False)
path("4.9.6 self-issued do not count", [ca(constraints(explicit=2)), ca(si=True), ee()], True)
path("4.9.7 self-issued, then one more", [ca(constraints(explicit=2)), ca(si=True), ca(), ee()], False)
path("4.9.8 a later CA cannot loosen", [ca(constraints(explicit=2)), ca(constraints(explicit=9)), ca(), ee()], False)

# ---- 4.10 policy mapping
m12 = mappings((P1, P2))
path("4.10.1 mapped", [ca(policies(P1), m12), ee(policies(P2))], True, EXPL, *want(P1))
path("4.10.1 the subject's name of it is wanted", [ca(policies(P1), m12), ee(policies(P2))], False, EXPL, *want(P2))
path("4.10.1 mapping inhibited", [ca(policies(P1), m12), ee(policies(P2))], False, EXPL, NOMAP)
path("4.10.2 the leaf has the issuer's", [ca(policies(P1), m12), ee(policies(P1))], False, EXPL)
path("4.10.3 two steps", [ca(policies(P1), m12), ca(policies(P2), mappings((P2, P3))), ee(policies(P3))], True, EXPL, *want(P1))
path("4.10.3 two steps, one wanted that is not", [ca(policies(P1), m12), ca(policies(P2), mappings((P2, P3))), ee(policies(P3))], False,
     EXPL, *want(P3))
path("4.10.5 one to two", [ca(policies(P1), mappings((P1, P2), (P1, P3))), ee(policies(P3))], True, EXPL, *want(P1))
path("4.10.6 one to two, neither", [ca(policies(P1), mappings((P1, P2), (P1, P3))), ee(policies(P4))], False, EXPL)
path("4.10.7 from anyPolicy", [ca(policies(P1), mappings((ANY, P1))), ee(policies(P1))], False)
path("4.10.8 to anyPolicy", [ca(policies(P1), mappings((P1, ANY))), ee(policies(P1))], False)
path("4.10.9 mapping of what is not there", [ca(policies(P1), mappings((P2, P3))), ee(policies(P1))], True, EXPL)
path("4.10.10 self-issued in between", [ca(policies(P1), m12), ca(policies(P2), si=True), ee(policies(P2))], True, EXPL, *want(P1))
path("4.10.11 below anyPolicy", [ca(policies(ANY), m12), ee(policies(P2))], True, EXPL, *want(P1))
path("4.10.12 two mapped to one", [ca(policies(P1, P2), mappings((P1, P3), (P2, P3))), ee(policies(P3))], True, EXPL, *want(P2))
path("4.10.13 mapped and anyPolicy", [ca(policies(P1, ANY), m12), ee(policies(P2))], True, EXPL, *want(P1))
path("4.10.14 swapped", [ca(policies(P1, P2), mappings((P1, P2), (P2, P1))), ee(policies(P1))], True, EXPL, *want(P2))
path("4.10.14 swapped, not the other", [ca(policies(P1, P2), mappings((P1, P2), (P2, P1))), ee(policies(P1))], False, EXPL, *want(P1))
many = ["1.3.6.1.4.1.55555.9.%d" % i for i in range(24)]
bomb = mappings(*[(a, b) for a in many[:20] for b in many[:20]])
path("a net of mappings ends soon", [ca(policies(*many), bomb)] * 8 + [ee(policies(*many))], True, EXPL)

# ---- 4.11 inhibit policy mapping
path("4.11.1 in 0", [ca(policies(P1), constraints(explicit=0, mapping=0)), ca(policies(P1), m12), ee(policies(P2))], False)
path("4.11.2 in 1, first CA below maps", [ca(policies(P1), constraints(explicit=0, mapping=1)), ca(policies(P1), m12), ee(policies(P2))], True)
path("4.11.3 in 1, second CA below maps", [ca(policies(P1), constraints(explicit=0, mapping=1)), ca(policies(P1)), ca(policies(P1), m12),
                                           ee(policies(P2))], False)
path("4.11.5 lowered", [ca(policies(P1), constraints(explicit=0, mapping=5)), ca(policies(P1), constraints(mapping=0)),
                        ca(policies(P1), m12), ee(policies(P2))], False)
path("4.11.7 self-issued does not count", [ca(policies(P1), constraints(explicit=0, mapping=1)), ca(policies(P1), si=True),
                                           ca(policies(P1), m12), ee(policies(P2))], True)

# ---- 4.12 inhibit anyPolicy
path("4.12.1 in 0", [ca(policies(ANY), inhibit_any(0)), ee(policies(ANY))], False, EXPL)
path("4.12.2 in 0, with another", [ca(policies(ANY), inhibit_any(0)), ee(policies(P1, ANY))], True, EXPL, *want(P1))
path("4.12.3 in 1", [ca(policies(P1), inhibit_any(1)), ca(policies(ANY)), ee(policies(P1))], True, EXPL)
path("4.12.3 in 1, one further", [ca(policies(P1), inhibit_any(1)), ca(policies(P1)), ee(policies(ANY))], False, EXPL)
path("4.12.4 from the start", [ca(policies(ANY)), ee(policies(P1))], False, EXPL, NOANY)
path("4.12.5 lowered", [ca(policies(ANY), inhibit_any(5)), ca(policies(ANY), inhibit_any(0)), ee(policies(ANY))], False, EXPL)
path("4.12.7 self-issued may", [ca(policies(P1), inhibit_any(0)), ca(policies(ANY), si=True), ee(policies(P1))], True, EXPL)
path("4.12.8 self-issued, then not", [ca(policies(P1), inhibit_any(0)), ca(policies(ANY), si=True), ca(policies(ANY)), ee(policies(P1))],
     False, EXPL)
path("4.12.10 a self-issued leaf may not", [ca(policies(P1), inhibit_any(0)), ee(policies(ANY), si=True)], False, EXPL)

# ---- 4.13 name constraints
inside = "O=Lab,OU=in,CN=x"
permit = names(permit=["dn:O=Lab,OU=in"])
path("4.13.1 DN permitted", [ca(permit), ee(subject=inside)], True)
path("4.13.1 case and space do not matter", [ca(permit), ee(subject="O= lab,OU=IN,CN=x")], True)
path("4.13.2 DN not permitted", [ca(permit), ee(subject="O=Lab,OU=out,CN=x")], False, code="may not issue")
path("4.13.3 DN and directoryName", [ca(permit), ee(alt("dn:O=Lab,OU=out"), subject=inside)], False)
path("4.13.4 both inside", [ca(permit), ee(alt("dn:O=Lab,OU=in,CN=y"), subject=inside)], True)
path("4.13.5 two permitted", [ca(names(permit=["dn:O=Lab,OU=in", "dn:O=Lab,OU=two"])), ee(subject="O=Lab,OU=two,CN=x")], True)
path("4.13.7 excluded", [ca(names(exclude=["dn:O=Lab,OU=in"])), ee(subject=inside)], False)
path("4.13.8 not excluded", [ca(names(exclude=["dn:O=Lab,OU=in"])), ee(subject="O=Lab,OU=out,CN=x")], True)
path("4.13.9 excluded inside permitted", [ca(names(permit=["dn:O=Lab,OU=in"], exclude=["dn:O=Lab,OU=in,CN=x"])), ee(subject=inside)], False)
path("4.13.11 narrowed below", [ca(names(permit=["dn:O=Lab"])), ca(permit, subject="O=Lab,CN=sub"), ee(subject="O=Lab,OU=out,CN=x")], False)
path("4.13.12 nothing in common", [ca(permit), ca(names(permit=["dn:O=Lab,OU=two"]), subject="O=Lab,OU=in,CN=sub"),
                                   ee(subject="O=Lab,OU=two,CN=x")], False)
path("4.13.15 excluded above and below", [ca(names(exclude=["dn:O=Lab,OU=a"])), ca(names(exclude=["dn:O=Lab,OU=b"])),
                                          ee(subject="O=Lab,OU=a,CN=x")], False)
path("4.13.19 self-issued CA is not limited", [ca(permit), ca(si=True), ee(subject=inside)], True)
path("4.13.20 a self-issued leaf is", [ca(permit), ee(si=True)], False)
mail = names(permit=["email:.lab.test"])
path("4.13.21 mailbox in a domain", [ca(mail), ee(alt("email:a@gw.lab.test"))], True)
path("4.13.22 mailbox at the domain itself", [ca(mail), ee(alt("email:a@lab.test"))], False)
path("4.13.23 mailbox at a host", [ca(names(permit=["email:lab.test"])), ee(alt("email:a@LAB.test"))], True)
path("4.13.24 mailbox below a host", [ca(names(permit=["email:lab.test"])), ee(alt("email:a@gw.lab.test"))], False)
path("4.13.25 one mailbox is excluded", [ca(names(exclude=["email:a@lab.test"])), ee(alt("email:b@lab.test"))], True)
path("4.13.26 this very mailbox", [ca(names(exclude=["email:a@lab.test"])), ee(alt("email:a@lab.test"))], False)
path("4.13.27 address in the subject", [ca(mail), ee(subject="O=Lab,E=a@out.test")], False)
path("4.13.28 address in the subject inside", [ca(mail), ee(subject="O=Lab,E=a@gw.lab.test")], True)
dns = names(permit=["dns:lab.test"])
path("4.13.30 host", [ca(dns), ee(alt("dns:gw.lab.test"))], True)
path("4.13.31 host outside", [ca(dns), ee(alt("dns:gw.other.test"))], False)
path("4.13.31 only looks like it", [ca(dns), ee(alt("dns:gwlab.test"))], False)
path("4.13.32 host excluded", [ca(names(exclude=["dns:lab.test"])), ee(alt("dns:lab.test"))], False)
path("4.13.33 another host", [ca(names(exclude=["dns:lab.test"])), ee(alt("dns:other.test"))], True)
path("4.13.38 the DNS limit says nothing about mailboxes", [ca(dns), ee(alt("email:a@other.test"))], True)
path("4.13.34 URI", [ca(names(permit=["uri:.lab.test"])), ee(alt("uri:http://gw.lab.test:80/x"))], True)
path("4.13.35 URI outside", [ca(names(permit=["uri:.lab.test"])), ee(alt("uri:http://lab.test/x"))], False)
path("4.13.36 URI excluded", [ca(names(exclude=["uri:gw.lab.test"])), ee(alt("uri:ftp://u@gw.lab.test/x"))], False)
path("4.13.37 URI not excluded", [ca(names(exclude=["uri:gw.lab.test"])), ee(alt("uri:ftp://other.test/x"))], True)
path("URI of an address where hosts are limited", [ca(names(permit=["uri:.lab.test"])), ee(alt("uri:http://10.0.0.1/"))], False)
path("IPv4 inside", [ca(names(permit=["ip:10.0.0.0/8"])), ee(alt("ip:10.2.3.4"))], True)
path("IPv4 outside", [ca(names(permit=["ip:10.0.0.0/8"])), ee(alt("ip:11.2.3.4"))], False)
path("IPv6 excluded", [ca(names(exclude=["ip:fd00::/16"])), ee(alt("ip:fd00::1"))], False)
path("IPv4 limit, IPv6 name", [ca(names(permit=["ip:10.0.0.0/8"])), ee(alt("ip:fd00::1"))], False)

# ---- 4.14 distribution points, indirect CRLs, reasons
ROOT, CA1, CA2 = "O=Lab,CN=Root", "O=Lab,CN=CA1", "O=Lab,CN=CA2"


def lists(what, valid, ee_exts, crls, ee_ca=None, extra=None, code=None, options=()):
    """crls: function(lab, serial of the leaf) giving CRLs of CA1; extra: function(lab) giving further certificates."""
    lab = Lab("%s/%d" % (top, done))
    root = lab.cert(ROOT, ROOT, key(0), key(0), ca=True)
    mid = lab.cert(CA1, ROOT, key(1), key(0), ca=True)
    more = extra(lab) if extra else []
    leaf = lab.cert("O=Lab,CN=EE", CA1, key(2), key(1), *ee_exts, ca=ee_ca)
    made = crls(lab, lab.last)
    check(what, verify(root, [mid] + more, [lab.crl(ROOT, key(0))] + made, leaf, *options), valid, code)


DP, DP2 = "dn:O=Lab,CN=dp", "dn:O=Lab,CN=dp2"
lists("4.14.1 distribution point", True, [dps(dp(DP))], lambda l, s: [l.crl(CA1, key(1), idp(DP))])
lists("4.14.2 revoked there", False, [dps(dp(DP))], lambda l, s: [l.crl(CA1, key(1), idp(DP), revoked=[s])], code="CERT_REVOKED",
      options=["--json"])
lists("4.14.3 another point", False, [dps(dp(DP))], lambda l, s: [l.crl(CA1, key(1), idp(DP2))])
lists("4.14.4 relative in the certificate", True, [dps(dp(relative="CN=dp"))], lambda l, s: [l.crl(CA1, key(1), idp("dn:%s,CN=dp" % CA1))])
lists("4.14.5 relative in both", True, [dps(dp(relative="CN=dp"))], lambda l, s: [l.crl(CA1, key(1), idp(relative="CN=dp"))])
lists("4.14.6 relative in both, revoked", False, [dps(dp(relative="CN=dp"))], lambda l, s: [l.crl(CA1, key(1), idp(relative="CN=dp"),
                                                                                             revoked=[s])])
lists("4.14.7 relative in the CRL", True, [dps(dp("dn:%s,CN=dp" % CA1))], lambda l, s: [l.crl(CA1, key(1), idp(relative="CN=dp"))])
lists("4.14.8 relative of another name", False, [dps(dp("dn:O=Lab,CN=dp"))], lambda l, s: [l.crl(CA1, key(1), idp(relative="CN=dp"))])
lists("4.14.9 no point in the certificate", False, [], lambda l, s: [l.crl(CA1, key(1), idp(DP))])
lists("4.14.10 no point in the CRL", True, [dps(dp(DP))], lambda l, s: [l.crl(CA1, key(1))])
lists("4.14.11 only user certificates, a CA", False, [], lambda l, s: [l.crl(CA1, key(1), idp(user=True))], ee_ca=True)
lists("4.14.11 only user certificates, a user", True, [], lambda l, s: [l.crl(CA1, key(1), idp(user=True))])
lists("4.14.12 only CA certificates, a user", False, [], lambda l, s: [l.crl(CA1, key(1), idp(ca=True))])
lists("4.14.13 only CA certificates, a CA", True, [], lambda l, s: [l.crl(CA1, key(1), idp(ca=True))], ee_ca=True)
lists("4.14.14 only attribute certificates", False, [], lambda l, s: [l.crl(CA1, key(1), idp(attr=True))])
some, rest = [R.key_compromise, R.ca_compromise], [R.affiliation_changed, R.superseded, R.cessation_of_operation, R.certificate_hold,
                                                   R.privilege_withdrawn, R.aa_compromise]
lists("4.14.15 some reasons, revoked", False, [], lambda l, s: [l.crl(CA1, key(1), idp(reasons=some), revoked=[(s, R.key_compromise)]),
                                                                l.crl(CA1, key(1), idp(reasons=rest))])
lists("4.14.16 other reasons, on hold", False, [], lambda l, s: [l.crl(CA1, key(1), idp(reasons=some)),
                                                                 l.crl(CA1, key(1), idp(reasons=rest), revoked=[(s, R.certificate_hold)])])
lists("4.14.17 not all reasons", False, [], lambda l, s: [l.crl(CA1, key(1), idp(reasons=some))], code="some of the reasons")
lists("4.14.18 all reasons in two", True, [], lambda l, s: [l.crl(CA1, key(1), idp(reasons=some)), l.crl(CA1, key(1), idp(reasons=rest))])
parts = [dps(dp(DP, reasons=some), dp(DP2, reasons=rest))]
lists("4.14.19 reasons by point", True, parts, lambda l, s: [l.crl(CA1, key(1), idp(DP, reasons=some)), l.crl(CA1, key(1), idp(DP2, reasons=rest))])
lists("4.14.20 reasons by point, revoked in the first", False, parts, lambda l, s: [
    l.crl(CA1, key(1), idp(DP, reasons=some), revoked=[s]), l.crl(CA1, key(1), idp(DP2, reasons=rest))])
lists("4.14.21 reasons by point, revoked in the second", False, parts, lambda l, s: [
    l.crl(CA1, key(1), idp(DP, reasons=some)), l.crl(CA1, key(1), idp(DP2, reasons=rest), revoked=[s])])
lists("4.14.22 indirect CRL of the issuer", True, [], lambda l, s: [l.crl(CA1, key(1), idp(indirect=True))])
lists("4.14.23 indirect CRL of the issuer, revoked", False, [], lambda l, s: [l.crl(CA1, key(1), idp(indirect=True), revoked=[s])])


def second(usage=("crl",), is_ca=None, by=None):
    """CA2 of the root, or of `by`: a CRL issuer."""
    return lambda l: [l.cert(CA2, by[0] if by else ROOT, key(3), by[1] if by else key(0), *((by[2],) if by else ()), ca=is_ca, usage=usage)]


ind = [dps(dp(DP, issuer=CA2))]
lists("4.14.24 indirect CRL of another", True, ind, lambda l, s: [l.crl(CA2, key(3), idp(DP, indirect=True))], extra=second())
lists("4.14.25 indirect, revoked", False, ind, lambda l, s: [l.crl(CA2, key(3), idp(DP, indirect=True), revoked=[(s, None, CA1)])], extra=second())
lists("4.14.25 indirect, same serial of another issuer", True, ind, lambda l, s: [l.crl(CA2, key(3), idp(DP, indirect=True), revoked=[s])],
      extra=second())
lists("4.14.25 the issuer of an entry holds for the next", False, ind, lambda l, s: [
    l.crl(CA2, key(3), idp(DP, indirect=True), revoked=[(1, None, CA1), (s,)])], extra=second())
lists("4.14.26 the certificate names no other issuer", False, [dps(dp(DP))], lambda l, s: [l.crl(CA2, key(3), idp(DP, indirect=True))],
      extra=second())
lists("4.14.27 named, but the CRL is not indirect", False, ind, lambda l, s: [l.crl(CA2, key(3), idp(DP))], extra=second())
lists("4.14.28 only the issuer is named", True, [dps(dp(issuer=CA2))], lambda l, s: [l.crl(CA2, key(3), idp("dn:" + CA2, indirect=True))],
      extra=second())
lists("4.14.28 only the issuer is named, no point in the CRL", True, [dps(dp(issuer=CA2))], lambda l, s: [l.crl(CA2, key(3), idp(indirect=True))],
      extra=second())
lists("4.14.29 relative to the CRL issuer", True, [dps(dp(relative="CN=part", issuer=CA2))], lambda l, s: [
    l.crl(CA2, key(3), idp(relative="CN=part", indirect=True))], extra=second())
lists("4.14.30 the CRL issuer is covered by its own CRL", True, ind, lambda l, s: [l.crl(CA2, key(3), idp(DP, indirect=True))],
      extra=second(by=(CA1, key(1), dps(dp(DP, issuer=CA2)))))
lists("4.14.31 the CRL issuer may not sign CRLs", False, ind, lambda l, s: [l.crl(CA2, key(3), idp(DP, indirect=True))], extra=second(usage=("dig",)))
lists("4.14.32 wrong key of the CRL issuer", False, ind, lambda l, s: [l.crl(CA2, key(4), idp(DP, indirect=True))], extra=second())
lists("4.14.35 issuer named and a CRL of its own", True, [dps(dp(DP, issuer=CA2), dp(DP2))], lambda l, s: [l.crl(CA1, key(1), idp(DP2))])
lists("the issuer's own CRL when its named issuer is silent", True, ind, lambda l, s: [l.crl(CA1, key(1))])

# ---- 4.15 delta CRLs
OLD = dict(this=NOW - 20 * DAY, next=NOW - 10 * DAY)
lists("4.15.1 only a delta", False, [], lambda l, s: [l.crl(CA1, key(1), number=2, base=1)])
lists("4.15.2 neither lists it", True, [], lambda l, s: [l.crl(CA1, key(1), number=1), l.crl(CA1, key(1), number=2, base=1)])
lists("4.15.3 revoked in the base", False, [], lambda l, s: [l.crl(CA1, key(1), number=1, revoked=[s]), l.crl(CA1, key(1), number=2, base=1)])
lists("4.15.4 revoked in the delta", False, [], lambda l, s: [l.crl(CA1, key(1), number=1), l.crl(CA1, key(1), number=2, base=1, revoked=[s])])
lists("4.15.5 hold taken back", True, [], lambda l, s: [l.crl(CA1, key(1), number=1, revoked=[(s, R.certificate_hold)]),
                                                        l.crl(CA1, key(1), number=2, base=1, revoked=[(s, R.remove_from_crl)])])
lists("4.15.6 hold", False, [], lambda l, s: [l.crl(CA1, key(1), number=1, revoked=[(s, R.certificate_hold)]), l.crl(CA1, key(1), number=2, base=1)])
lists("4.15.7 the newest delta counts", False, [], lambda l, s: [
    l.crl(CA1, key(1), number=1), l.crl(CA1, key(1), number=3, base=1, revoked=[s]), l.crl(CA1, key(1), number=2, base=1)])
lists("4.15.8 base newer than the delta's base", True, [], lambda l, s: [l.crl(CA1, key(1), number=2), l.crl(CA1, key(1), number=3, base=1)])
lists("4.15.9 an old base with a delta in date", False, [], lambda l, s: [l.crl(CA1, key(1), number=1, **OLD),
                                                                          l.crl(CA1, key(1), number=2, base=1, revoked=[s])])
lists("4.15.9 an old base with a delta in date, not listed", True, [], lambda l, s: [l.crl(CA1, key(1), number=1, **OLD),
                                                                                     l.crl(CA1, key(1), number=2, base=1)])
lists("4.15.10 the delta builds on a newer base", False, [], lambda l, s: [l.crl(CA1, key(1), number=1, **OLD), l.crl(CA1, key(1), number=3, base=2)],
      code="CRL_STALE", options=["--json"])
lists("delta out of date, base in date", True, [], lambda l, s: [l.crl(CA1, key(1), number=1), l.crl(CA1, key(1), number=2, base=1, revoked=[s], **OLD)])
lists("delta of another scope", True, [], lambda l, s: [l.crl(CA1, key(1), number=1), l.crl(CA1, key(1), idp(user=True), number=2, base=1, revoked=[s])])
lists("delta with a wrong signature", True, [], lambda l, s: [l.crl(CA1, key(1), number=1), l.crl(CA1, key(5), number=2, base=1, revoked=[s])])

lists("delta of another key of the CA's name", True, [], lambda l, s: [l.crl(CA1, key(1), number=1),
      l.crl(CA1, key(6), number=2, base=1, revoked=[s])], extra=lambda l: [l.cert(CA1, ROOT, key(6), key(0), ca=True)])
lists("a hold that only another key of the CA's name took back", False, [], lambda l, s: [l.crl(CA1, key(1), number=1, this=NOW - 2 * DAY,
      revoked=[s]), l.crl(CA1, key(6), number=2)], extra=lambda l: [l.cert(CA1, ROOT, key(6), key(0), ca=True)])
BOTH = lambda l, s: [l.crl(CA1, key(1), number=1, this=NOW - 2 * DAY, revoked=[s]), l.crl(CA1, key(1), number=2)]
TAKEN = lambda l, s: [l.crl(CA1, key(1), number=1, this=NOW - 2 * DAY), l.crl(CA1, key(1), number=2, revoked=[s])]
for turn in (1, -1):
    order = "in order" if turn == 1 else "the other way round"
    lists("hold taken back by the next CRL, " + order, True, [], lambda l, s: BOTH(l, s)[::turn])
    lists("revoked since the last CRL, " + order, False, [], lambda l, s: TAKEN(l, s)[::turn])
lists("relaxed: revoked in a CRL out of date", False, [], lambda l, s: [l.crl(CA1, key(1), revoked=[s], **OLD)], code="CERT_REVOKED",
      options=["--revocation", "relaxed", "--json"])
lists("relaxed: revoked in a delta out of date", False, [], lambda l, s: [
    l.crl(CA1, key(1), number=1, this=NOW - 30 * DAY, next=NOW - 20 * DAY), l.crl(CA1, key(1), number=2, base=1, revoked=[s], **OLD)],
    options=["--revocation", "relaxed"])
lists("relaxed: not listed in a CRL out of date", True, [], lambda l, s: [l.crl(CA1, key(1), **OLD)], options=["--revocation", "relaxed"])

# ---- 4.16 private extensions
path("4.16.1 unknown extension", [ca(), ee(raw("1.3.6.1.4.1.55555.99", b"\x05\x00"))], True)
path("4.16.2 unknown critical extension", [ca(), ee(raw("1.3.6.1.4.1.55555.99", b"\x05\x00", True))], False, code="1.3.6.1.4.1.55555.99")
path("unknown critical extension of a CA", [ca(raw("1.3.6.1.4.1.55555.99", b"\x05\x00", True)), ee()], False)

# ---- what a CRL may not
lists("a CRL with an unknown critical extension", False, [], lambda l, s: [l.crl(CA1, key(1), raw("1.3.6.1.4.1.55555.98", b"\x05\x00", True))])
lists("a CRL from the future", False, [], lambda l, s: [l.crl(CA1, key(1), this=NOW + DAY)], code="CRL_STALE", options=["--json"])
lists("relaxed: nothing known is enough", True, [], lambda l, s: [], options=["--revocation", "relaxed"])
lists("relaxed: revoked is revoked", False, [], lambda l, s: [l.crl(CA1, key(1), revoked=[s])], options=["--revocation", "relaxed"])
lists("ifuri: no address, no need", True, [], lambda l, s: [], options=["--revocation", "ifuri"])
lists("ifuri: an address, a need", False, [dps(dp("uri:http://crl.test/x"))], lambda l, s: [], options=["--revocation", "ifuri"])
lists("off: revoked is not looked at", True, [], lambda l, s: [l.crl(CA1, key(1), revoked=[s])], options=["--revocation", "off"])

# ---- OCSP answers and who signs them
def ocsp_says(what, valid, code, *options, delegate_exts=(), delegate_eku=True, revoked_delegate=False, by_issuer=False, by_key=False,
              status=ocsp.OCSPCertStatus.GOOD, this=NOW - DAY / 4, until=NOW + DAY / 4, delegate_until=NOW + DAY, about_delegate=False):
    """The leaf's CRL (point DP) is not at hand, the delegate's (point DP2) is."""
    lab = Lab("%s/%d" % (top, done))
    root = lab.cert(ROOT, ROOT, key(0), key(0), ca=True)
    leaf = lab.cert("O=Lab,CN=EE", ROOT, key(2), key(0), dps(dp(DP)))
    serial = lab.last
    eku = [(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.OCSP_SIGNING]), False)] if delegate_eku else []
    who = lab.cert("O=Lab,CN=Responder", ROOT, key(3), key(0), dps(dp(DP2)), *eku, *delegate_exts, after=delegate_until)
    delegate, root_cert, leaf_cert = (x509.load_der_x509_certificate(open(f, "rb").read()) for f in (who, root, leaf))
    crl = lab.crl(ROOT, key(0), idp(DP2), revoked=[lab.last] if revoked_delegate else [])

    def answer(cert, state, signer, priv, more):
        gone = state == ocsp.OCSPCertStatus.REVOKED
        b = ocsp.OCSPResponseBuilder().add_response(cert, root_cert, hashes.SHA256(), state, this, until, this if gone else None,
                                                    x509.ReasonFlags.key_compromise if gone else None)
        b = b.responder_id(ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME, signer)
        b = b.certificates(more) if more else b
        return lab.write(b.sign(priv, hashes.SHA256()).public_bytes(serialization.Encoding.DER), "ocsp")

    files = [answer(leaf_cert, status, root_cert, key(0), None) if by_issuer else answer(leaf_cert, status, delegate, key(3), [delegate])]
    if about_delegate:
        files.append(answer(delegate, ocsp.OCSPCertStatus.REVOKED, root_cert, key(0), None))
    check(what, verify(root, [], [] if about_delegate else [crl], leaf, *[o for f in files for o in ("--ocsp", f)], *options), valid, code)


NOCHECK = (x509.OCSPNoCheck(), False)
for by_key in (False, True):
    ocsp_says("OCSP by the issuer", True, None, by_issuer=True, by_key=by_key)
    ocsp_says("OCSP by a delegate", True, None, by_key=by_key)
ocsp_says("OCSP: revoked", False, "was revoked", status=ocsp.OCSPCertStatus.REVOKED)
ocsp_says("OCSP: unknown", False, "does not know", status=ocsp.OCSPCertStatus.UNKNOWN)
ocsp_says("OCSP by a delegate without the purpose", False, "OCSPSigning", delegate_eku=False)
ocsp_says("OCSP by a delegate that has expired", False, "validity", delegate_until=NOW - DAY / 8)
ocsp_says("OCSP by a delegate that was revoked by a CRL", False, "itself revoked", revoked_delegate=True)
ocsp_says("OCSP by a delegate that was revoked by OCSP", False, "itself revoked", about_delegate=True)
ocsp_says("OCSP by a delegate that nobody need ask about", True, None, delegate_exts=[NOCHECK], revoked_delegate=True)
ocsp_says("OCSP: good, but out of date", False, "out of date", until=NOW - DAY / 8)
ocsp_says("relaxed: OCSP, revoked, out of date", False, "was revoked", "--revocation", "relaxed", status=ocsp.OCSPCertStatus.REVOKED,
          until=NOW - DAY / 8)
ocsp_says("relaxed: OCSP, good, out of date", True, None, "--revocation", "relaxed", until=NOW - DAY / 8)

# ---- keys that would take a worker minutes
def rsa_key(bits, exponent_bits):
    number = lambda n: tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))
    n, e = (1 << bits) - 159, (1 << exponent_bits) - 1
    return tlv(0x30, tlv(0x30, oid_der("1.2.840.113549.1.1.1"), b"\x05\x00"), tlv(3, b"\x00", tlv(0x30, number(n), number(e))))


for bits, exponent_bits, code in ((20000, 17, "too long"), (16384, 16000, "too long"), (16384, 17, "did not make this signature")):
    lab = Lab("%s/%d" % (top, done))
    pub = ec.generate_private_key(ec.SECP256R1())
    spki = pub.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    root = lab.cert(ROOT, ROOT, key(0), key(0), ca=True)
    with open(lab.cert(CA1, ROOT, pub, key(0), ca=True), "rb") as f:
        der = f.read()
    big = lab.write(outer(der, spki, rsa_key(bits, exponent_bits)), "crt")
    leaf = lab.cert("O=Lab,CN=EE", CA1, key(2), key(1))
    check("RSA of %d bits with an exponent of %d" % (bits, exponent_bits), verify(root, [big], [], leaf), False, code)

# ---- the search for a path is bounded
def crowd(what, between, signer, valid, text, name=None):
    """between: function(lab, root's key) giving intermediates; the leaf is of CN=Crowd, signed by key `signer`."""
    lab = Lab("%s/%d" % (top, done))
    root = lab.cert(ROOT, ROOT, key(0), key(0), ca=True)
    files = between(lab)
    leaf = lab.cert("O=Lab,CN=EE", name or "CN=Crowd", key(2), key(signer))
    check(what, verify(root, files, [], leaf), valid, text)


crowd("200 CAs of one name and key, none under the anchor", lambda l: [l.cert("CN=Crowd", "CN=Crowd", key(1), key(1), ca=True)
      for i in range(200)], 1, False, "self-signed and no trust anchor")
crowd("200 expired CAs of one name and key, and one in date", lambda l: [l.cert("CN=Crowd", ROOT, key(1), key(0), ca=True,
      after=NOW - DAY / 2 if i < 199 else NOW + DAY) for i in range(200)], 1, True, "VALID")
ring = lambda l: [l.cert("CN=%d" % i, "CN=%d" % j, key(10 + i), key(10 + j), ca=True) for i in range(10) for j in range(10) if i != j]
crowd("ten CAs that sign one another", ring, 10, False, "sign one another", name="CN=0")
crowd("ten CAs that sign one another, one under the anchor", lambda l: ring(l) + [l.cert("CN=7", ROOT, key(17), key(0), ca=True)], 10,
      True, "VALID", name="CN=0")
crowd("ten CAs that sign one another, one under an anchor that is no CA for it", lambda l: ring(l) + [
      l.cert("CN=7", ROOT, key(17), key(0), ca=False)], 10, False, "no CA", name="CN=0")
crowd("600 keys of one name", lambda l: [l.cert("CN=Crowd", ROOT, ec.generate_private_key(ec.SECP256R1()), key(0), ca=True)
      for i in range(600)], 1, False, "given up after")

print("1..%d" % done)
subprocess.run(["rm", "-rf", top])
sys.exit(1 if bad else 0)
