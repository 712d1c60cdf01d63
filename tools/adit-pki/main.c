/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adit-pki: keys, certificates and proofs of the cryptography. Loads the plugins it needs itself, through the loader of the
 * daemon; needs no daemon.
 *
 *     adit-pki [--plugins DIR] COMMAND …
 *
 * Exit status of every command: 0 success, 1 the answer is no (invalid, a test failed), 2 usage or an unreadable file.
 */
#include "build.h"
#include "plugin/loader.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

static const struct pki_verb verbs[] = {
	{ "gen", pki_gen, PKI_PLUG_X509, "make a private key",
	  "[--type rsa|ec|ed25519|ed448] [--size BITS] [--out FILE] [--passphrase-file FILE] [--der] [--weak]\n"
	  "\n"
	  "Writes PKCS #8, encrypted (PBES2, AES-256) when there is a passphrase. Defaults: ec of 256 bits (384 and 521 can be had);\n"
	  "RSA 3072 bits, at least 2048 unless --weak.\n" },
	{ "pub", pki_pub, PKI_PLUG_X509, "the public key of a private key, certificate or request",
	  "[--out FILE] [--der] [--passphrase-file FILE] FILE\n" },
	{ "keyid", pki_keyid, PKI_PLUG_X509, "identifiers of a key, as CERTREQ payloads, certificates and pins have them",
	  "[--passphrase-file FILE] FILE\n" },
	{ "dn", pki_dn, PKI_PLUG_X509, "the subject of a certificate, or a name as DER",
	  "[--issuer] [--hex] FILE | --text \"C=CH, O=Lab, CN=gw\" [--hex]\n" },
	{ "req", pki_req, PKI_PLUG_X509, "a certificate request (PKCS #10)",
	  "--key FILE [--passphrase-file FILE] [--out FILE] [--der] fields...\n"
	  "\n" BUILD_USAGE_NAMES "  --ca --path-len N    ask for a CA certificate\n" },
	{ "self", pki_self, PKI_PLUG_X509, "a self-signed certificate",
	  "--key FILE [--passphrase-file FILE] [--out FILE] [--der] fields...\n"
	  "\n" BUILD_USAGE_NAMES BUILD_USAGE_CERT },
	{ "issue", pki_issue, PKI_PLUG_X509, "a certificate signed by a CA",
	  "--ca-cert FILE --ca-key FILE [--ca-passphrase-file FILE] --req FILE | --pub FILE | --key FILE\n"
	  "       [--out FILE] [--der] fields...\n"
	  "\n"
	  "Names, usages and purposes of a request are taken over unless options name others; that it becomes a CA is for --ca alone.\n"
	  "\n" BUILD_USAGE_NAMES BUILD_USAGE_CERT },
	{ "signcrl", pki_signcrl, PKI_PLUG_X509, "a revocation list, full or delta",
	  "--ca-cert FILE --ca-key FILE [--ca-passphrase-file FILE] [--last-crl FILE | --delta-of FILE] [--number N]\n"
	  "       [--revoke SERIAL[:REASON[:TIME]]]... [[--reason REASON] --cert FILE]... [--lifetime 15d] [--freshest-uri URI]\n"
	  "       [--digest NAME] [--out FILE] [--der]\n"
	  "\n"
	  "  --last-crl FILE      keep its entries, count its number on\n"
	  "  --delta-of FILE      a delta CRL to this complete one\n" },
	{ "verify", pki_verify, PKI_PLUG_X509, "is a certificate valid, and why or why not",
	  "--anchor FILE... [--intermediate FILE]... [--crl FILE]... [--ocsp FILE]... [--time RFC3339] [--policy OID]...\n"
	  "       [--require-explicit-policy] [--inhibit-any-policy] [--inhibit-policy-mapping] [--name ID] [--name-in-cn]\n"
	  "       [--revocation off|relaxed|ifuri|strict] [--ike] [--eku NAME]... [--map TEXT] [--allow-sha1] [--json] [--quiet] LEAF\n"
	  "\n"
	  "  --anchor FILE        trust anchors; a certificate, PEM or DER, also several in one file\n"
	  "  --intermediate FILE  CAs between, and certificates that sign CRLs\n"
	  "  --crl FILE           complete and delta CRLs\n"
	  "  --ocsp FILE          an OCSP answer, DER\n"
	  "  --time RFC3339       the moment that counts (default: now)\n"
	  "  --policy OID         user-initial-policy-set of RFC 5280; alone it limits what is reported, with\n"
	  "                       --require-explicit-policy the path has to have one of them\n"
	  "  --name ID            identity the certificate has to have, as in swanctl.conf; '*' in front stands for any start\n"
	  "  --name-in-cn         an FQDN may also be the common name of a certificate without DNS names\n"
	  "  --revocation MODE    strict: every certificate but the anchor needs a good, current CRL or OCSP answer (default when\n"
	  "                       --crl or --ocsp is given); ifuri: those that name an address for one; relaxed: only what says\n"
	  "                       \"revoked\" counts; off (default otherwise)\n"
	  "  --ike                key usage and purpose have to fit IKE (RFC 4945)\n"
	  "  --eku NAME           purpose the leaf needs: serverAuth, clientAuth, ipsecIKE...; of several one is enough\n"
	  "  --map TEXT           certificate map, e.g. 'issuer-name co o=lab; subject-name nc ou=test'\n"
	  "  --allow-sha1         take signatures with SHA-1\n"
	  "  --json               the tree of all checks as JSON\n"
	  "Exit status: 0 valid, 1 invalid, 2 misuse.\n" },
	{ "print", pki_print, PKI_PLUG_X509, "what is in a certificate, CRL, request, key or OCSP answer",
	  "[--json] [--passphrase-file FILE] FILE...\n" },
	{ "ocsp", pki_ocsp, PKI_PLUG_X509, "ask an OCSP responder about a certificate, or be one",
	  "--issuer FILE [--url URL] [--no-nonce] [--time RFC3339] [--out FILE] CERTIFICATE\n"
	  "       --issuer FILE --request [--no-nonce] [--out FILE] CERTIFICATE\n"
	  "       --issuer FILE --respond --crl FILE --key FILE [--signer FILE] [--lifetime 1h] [--out FILE] REQUEST\n"
	  "\n"
	  "Asks, and judges the answer as the daemon does (0: good, 1: anything else; --out keeps the answer); with --request only\n"
	  "writes the request; with --respond answers one, good unless the CRL lists it, signed by the issuer's key or by that of\n"
	  "--signer, which the issuer gave the purpose ocspSigning.\n" },
	{ "pkcs7", pki_pkcs7, PKI_PLUG_X509, "unpack or make a bundle of certificates and CRLs",
	  "[--out FILE] FILE | --create [--der] [--out FILE] FILE...\n" },
	{ "pkcs12", pki_pkcs12, PKI_PLUG_X509, "unpack or make a file with key and certificates",
	  "--passphrase-file FILE [--out FILE] FILE\n"
	  "       --create --passphrase-file FILE --key FILE [--key-passphrase-file FILE] [--name TEXT] [--out FILE] CERTIFICATE [CA]...\n" },
	{ "ca", pki_ca, PKI_PLUG_X509, "a small CA: init, issue, revoke, crl, list, serve",
	  "init DIR --cn NAME [--url http://HOST:PORT] [--type TYPE] [--lifetime 10y] [fields...]\n"
	  "       issue DIR --san NAME... --out PREFIX [--type TYPE | --key FILE | --req FILE] [fields...]\n"
	  "       revoke DIR SERIAL|FILE [--reason REASON]\n"
	  "       crl DIR [--delta]\n"
	  "       list DIR\n"
	  "       serve DIR [--listen 127.0.0.1:8080]\n"
	  "\n"
	  "init makes DIR/ca.crt and DIR/ca.key (--passphrase-file FILE encrypts it; then every command needs it). With --url the\n"
	  "certificates say where serve can be reached: URL/crl, URL/delta, URL/ocsp, URL/ca.crt. issue writes PREFIX.key and\n"
	  "PREFIX.crt, or only the certificate for a key or request of somebody else.\n"
	  "\n" BUILD_USAGE_NAMES BUILD_USAGE_CERT },
	{ "est", pki_est, PKI_PLUG_X509, "get certificates from an EST server (RFC 7030)",
	  "cacerts --url https://HOST[:PORT][/LABEL] --trust FILE | --fingerprint SHA256 [--out FILE]\n"
	  "       enroll --url URL --trust FILE --key FILE [--user NAME --password-file FILE | --cert FILE] [--out FILE] fields...\n"
	  "       reenroll --url URL --trust FILE --cert FILE --key FILE [--new-key FILE] [--out FILE]\n"
	  "\n"
	  "cacerts fetches the CA certificates; on the first contact, without --trust, one of them has to have the fingerprint.\n"
	  "reenroll asks for what the certificate has, again.\n"
	  "\n" BUILD_USAGE_NAMES },
	{ "scep", pki_scep, PKI_PLUG_X509, "get a certificate from a SCEP server (RFC 8894)",
	  "--url http://HOST/PATH --trust FILE --key FILE [--challenge-file FILE] [--out FILE] [--der] fields...\n"
	  "\n"
	  "--key is an RSA key; --trust has the CA certificate (or one above it); the challenge is the CA's one-time password.\n"
	  "\n" BUILD_USAGE_NAMES },
	{ "renew", pki_renew, PKI_PLUG_X509, "renew certificates that end soon; for a timer",
	  "--cert FILE --key FILE --est URL --trust FILE [--user NAME --password-file FILE] | --ca DIR\n"
	  "             [--before 30d] [--new-key] [--reload COMMAND] [--force] [--dry-run]\n"
	  "       --config FILE | --all[=DIR] [--force] [--dry-run]\n"
	  "\n"
	  "Files of --all (" ADIT_SYSCONF_DIR "/adit/renew.d/*.conf) have lines \"key = value\" with the names of these options:\n"
	  "cert, key, est, trust, ca, before, reload, user, password-file, new-key = yes. The unit adit-pki-renew.timer runs it daily.\n" },
	{ "psk", pki_psk, PKI_PLUG_NONE, "a random preshared key",
	  "[--bits 256] [--format base64|hex] [--out FILE]\n"
	  "\n"
	  "Prints 0s... (base64) or 0x..., as a secret in swanctl.conf takes it.\n" },
	{ "test-vectors", pki_test_vectors, PKI_PLUG_ALL, "run public test vectors against the crypto plugins",
	  "[--provider NAME] FILE...\n"
	  "\n"
	  "Runs each test of Wycheproof JSON files (plain or .gz), NIST .rsp files and IKE KDF files against every loaded crypto\n"
	  "plugin and prints a table: provider, passed, failed, skipped with the reasons.\n"
	  "\n"
	  "  --provider NAME   ask this plugin only\n"
	  "Exit status: 0 all that concern IKE or ESP passed, 1 a test failed or no provider could be asked, 2 wrong usage or\n"
	  "unreadable file.\n" },
};

static void usage(FILE *f)
{
	fprintf(f, "usage: adit-pki [--plugins DIR] COMMAND ...\n\n");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		fprintf(f, "  %-13s %s\n", verbs[i].name, verbs[i].summary);
	fprintf(f, "\n  --plugins DIR     folder of the plugins (default: " ADIT_PLUGIN_DIR ", or ADIT_PLUGIN_DIR of the environment)\n"
		"adit-pki COMMAND --help tells about a command.\n"
		"Exit status: 0 success, 1 the answer is no, 2 wrong usage or unreadable file.\n");
}

static void usage_of(const struct pki_verb *v, FILE *f)
{
	fprintf(f, "usage: adit-pki %s %s", v->name, v->usage);
}

/* A line of the manual page: what troff would take for its own is guarded. */
static void roff(const char *text)
{
	for (const char *p = text; *p; p++) {
		if ((p == text || p[-1] == '\n') && (*p == '.' || *p == '\''))
			fputs("\\&", stdout);
		if (*p == '\\')
			fputs("\\e", stdout);
		else if (*p == '-')
			fputs("\\-", stdout);
		else
			putchar(*p);
	}
}

static void manual(void)
{
	puts(".\\\" Made by adit\\-pki \\-\\-manual\n.TH ADIT\\-PKI 1\n.SH NAME\nadit\\-pki \\- keys, certificates, revocation lists and a small CA\n"
		".SH SYNOPSIS\n.B adit\\-pki\n[\\-\\-plugins DIR] COMMAND ...\n.SH DESCRIPTION\nMakes keys and certificates, runs a small CA, and says "
		"whether a certificate is valid and why. Needs no daemon: it loads the plugins it needs itself.\n.SH COMMANDS");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		printf(".SS ");
		roff(verbs[i].name);
		putchar('\n');
		roff(verbs[i].summary);
		printf(".\n.PP\n.nf\nadit\\-pki ");
		roff(verbs[i].name);
		putchar(' ');
		roff(verbs[i].usage);
		puts(".fi");
	}
	puts(".SH EXIT STATUS\n0 success; 1 the answer is no (invalid, revoked, refused); 2 wrong usage or unreadable file.\n"
		".SH ENVIRONMENT\n.TP\nADIT_PLUGIN_DIR\nfolder of the plugins\n.SH SEE ALSO\nadit(1), swanctl.conf(5)");
}

int pki_usage(const struct pki *p)
{
	usage_of(p->verb, stderr);
	return PKI_MISUSE;
}

int pki_say(const struct pki *p, int status, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "adit-pki %s: ", p->verb->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

/* Plugins that are left out say so on standard error. */
static void say(void *sink, const struct log_record *rec)
{
	(void)sink;
	fprintf(stderr, "%s\n", rec->text);
}

static int with_plugins(struct pki *p, const char *dir, int argc, char **argv)
{
	static const char *const x509_only[] = { "x509", NULL };
	struct log *log = log_new();
	struct plug_registry *reg = registry_new();
	struct plug_services services = { .log = log, .reg = reg };
	struct loader *loader = NULL;
	struct diag *why = NULL;
	int status = PKI_MISUSE;
	char text[256];
	struct log_sink sink = { .write = say };
	memset(sink.level, LOG_AUDIT, sizeof sink.level);
	int id = log ? log_add(log, &sink) : -1;
	err_t e = reg && id >= 0 ? loader_new(&services, &loader, &why) : E_NOMEM;

	if (!e)
		e = loader_open(loader, dir, p->verb->plugins == PKI_PLUG_X509 ? x509_only : NULL, &why);
	if (e) {
		fprintf(stderr, "adit-pki: %s\n", diag_text(why, e, text, sizeof text));
	} else {
		static const uint16_t unused[] = { PLUG_KERNEL_SA, PLUG_KERNEL_NET, PLUG_CRED, PLUG_FETCH, PLUG_LOG };
		for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
			loader_keep_only(loader, unused[i], NULL);
		loader_start(loader, 0, NULL);
		p->reg = reg;
		p->x509 = registry_find(reg, PLUG_CERT_VERIFY, 0, 0);
		if (p->verb->plugins == PKI_PLUG_X509 && !p->x509)
			fprintf(stderr, "adit-pki: no plugin in %s reads certificates: is x509.so there?\n", dir);
		else
			status = p->verb->run(p, argc, argv);
	}
	diag_free(&why);
	loader_free(loader);
	registry_free(reg);
	log_free(log);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "plugins", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { "manual", no_argument, NULL, 'm' }, { NULL, 0, NULL, 0 } };
	const char *dir = getenv("ADIT_PLUGIN_DIR");
	struct pki p = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return PKI_OK;
		}
		if (c == 'm') {
			manual();
			return PKI_OK;
		}
		if (c != 'd') {
			usage(stderr);
			return PKI_MISUSE;
		}
		dir = optarg;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs) && optind < argc; i++)
		if (strcmp(verbs[i].name, argv[optind]) == 0)
			p.verb = &verbs[i];
	if (!p.verb) {
		if (optind < argc)
			fprintf(stderr, "adit-pki: there is no command \"%s\"\n", argv[optind]);
		usage(stderr);
		return PKI_MISUSE;
	}
	argc -= optind;
	argv += optind;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0) {
			usage_of(p.verb, stdout);
			return PKI_OK;
		}
	optind = 0; /* getopt starts anew, with the command's own kind of order */
	if (p.verb->plugins == PKI_PLUG_NONE)
		return p.verb->run(&p, argc, argv);
	return with_plugins(&p, dir ? dir : ADIT_PLUGIN_DIR, argc, argv);
}
