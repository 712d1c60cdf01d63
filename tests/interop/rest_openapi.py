# SPDX-License-Identifier: Apache-2.0
"""Walks the OpenAPI document of a running gateway: calls every operation as everybody who might, and holds each answer against
what the document says of it: the status, the kind of its body, the schema.

  rest_openapi.py URL TOKEN-FILE     TOKEN-FILE: "read TOKEN", "operate TOKEN", "configure TOKEN", a line each

Prints a line of TAP per operation and ends with 0 whatever came out; the gateway has a connection "t" with a child "net"."""
import http.client, json, re, sys, time, urllib.parse
import jsonschema

ROLES = ["none", "read", "operate", "configure"]
WAIT_S = 60


class Gateway:
    def __init__(self, url, tokens):
        self.where = urllib.parse.urlsplit(url)
        self.tokens = tokens

    def ask(self, verb, path, role="configure", body=None, headers=None):
        """(status, headers, bytes); a stream of events: its beginning."""
        c = http.client.HTTPConnection(self.where.hostname, self.where.port, timeout=WAIT_S)
        h = dict(headers or {})
        if role != "none":
            h["Authorization"] = "Bearer " + self.tokens.get(role, role)
        if body is not None:
            h["Content-Type"] = "application/json"
        c.request(verb, path, None if body is None else json.dumps(body), h)
        r = c.getresponse()
        got = {k.lower(): v for k, v in r.getheaders()}
        data = r.read1(4096) if got.get("content-type") == "text/event-stream" and verb != "HEAD" else r.read()
        c.close()
        return r.status, got, data

    def json(self, path):
        return json.loads(self.ask("GET", path)[2])


class Doc:
    def __init__(self, doc):
        self.doc = doc
        self.ops = [(path, verb, op) for path, verbs in doc["paths"].items() for verb, op in verbs.items()]

    def at(self, x):
        while "$ref" in x:
            x2 = self.doc
            for k in x["$ref"][2:].split("/"):
                x2 = x2[k]
            x = x2
        return x

    def role(self, op):
        if op.get("security") == []:
            return "none"
        return re.search(r"Needs the role `(\w+)`", op["description"]).group(1)

    def judge(self, op, verb, status, headers, data):
        """What is wrong with an answer; '' nothing."""
        r = op["responses"].get(str(status))
        if not r:
            return "status %d is not in the document: %s" % (status, data[:200])
        content = self.at(r).get("content", {})
        kind = headers.get("content-type", "").split(";")[0]
        if verb == "HEAD":
            return "HEAD has a body" if data else ""
        if not content:
            return "a body that is not in the document: %s" % data[:200] if data else ""
        if kind not in content:
            return "content type %r, the document has %s" % (kind, ", ".join(content))
        if not kind.endswith("json"):
            return ""
        schema = dict(content[kind]["schema"], components=self.doc["components"])
        try:
            value = json.loads(data)
        except ValueError as e:
            return "no JSON: %s" % e
        v = jsonschema.Draft202012Validator(schema)
        errors = sorted(v.iter_errors(value), key=lambda e: list(map(str, e.path)))
        # Problem details have the members of the result, too.
        unknown = strange(self, content[kind]["schema"], value) if status < 400 else set()
        if errors:
            return "; ".join("%s: %s" % (".".join(map(str, e.path)), e.message[:160]) for e in errors[:4])
        return "members that are not in the document: " + ", ".join(sorted(unknown)[:8]) if unknown else ""


def strange(doc, schema, value, at=""):
    """Members of an answer that its schema does not name."""
    schema, out = doc.at(schema), set()
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for v in value:
            out |= strange(doc, schema["items"], v, at + "[]")
    elif isinstance(value, dict) and ("properties" in schema or "additionalProperties" in schema):
        for k, v in value.items():
            sub = schema.get("properties", {}).get(k, schema.get("additionalProperties"))
            if sub is None:
                out.add(at + "." + k)
            elif isinstance(sub, dict):
                out |= strange(doc, sub, v, at + "." + k)
    return out


CONN = {"version": 2, "remote_addrs": ["192.0.2.7"], "local": {"auth": "psk"}, "remote": {"auth": "psk"}, "children": {"c": {}}}
# Values of the path that are there, bodies that are good; what is not named here gets a name that is not there and no body.
THERE = {"name": "t", "child": "net"}
BODIES = {
    "put /api/v1/connections/{name}": {"name": "walk", "body": CONN},
    "put /api/v1/pools/{name}": {"name": "walk", "body": {"addrs": "10.77.0.0/24"}},
    "put /api/v1/secrets/{id}": {"id": "walk", "body": {"type": "IKE", "data": "a secret that is long enough"}},
    "post /api/v1/logs/levels": {"body": {"levels": "ike=2", "ike": "t", "seconds": 60}},
    "get /api/v1/explain": {"query": "remote=203.0.113.2&remote-id=gwb.test"},
    "get /api/v1/pools/{name}": {"name": "walk"},
    "get /api/v1/pools/{name}/leases": {"name": "walk"},
    "delete /api/v1/connections/{name}": {"name": "walk", "headers": {"If-Match": "*"}},
    "delete /api/v1/pools/{name}": {"name": "walk", "headers": {"If-Match": "*"}},
    "delete /api/v1/secrets/{id}": {"id": "walk"},
    "post /api/v1/connections/{name}/up": {"body": {"timeout": 20000}},
    "post /api/v1/connections/{name}/children/{child}/up": {"body": {"timeout": 20000}},
    "post /api/v1/redirect": {"body": {"ike": "nobody", "gateway": "192.0.2.1"}},
    "post /api/v1/configuration/transactions/{transaction}/set": {"body": {"path": "connections.t.dpd_delay", "value": "44s"}},
    "post /api/v1/configuration/transactions/{transaction}/delete": {"body": {"path": "connections.t.dpd_delay"}},
    "post /api/v1/configuration/transactions/{transaction}/load": {"body": {"config": {"connections": {"t2": CONN}}, "merge": True}},
}
# What takes away goes last, what makes goes first.
ORDER = ["put", "get", "post", "delete"]
LAST = "/api/v1/credentials/clear"


class Walk:
    def __init__(self, gw):
        self.gw, self.doc = gw, Doc(gw.json("/openapi.json"))
        self.numbers, self.absent = {}, "0"
        self.n = 0

    def say(self, name, problems):
        self.n += 1
        print("%sok %d - %s" % ("not " if problems else "", self.n, name))
        for p in problems:
            print("#   " + str(p)[:600])

    def value(self, param, plan, there):
        if not there:
            return self.absent if param.endswith("-id") or param in ("transaction", "rule") else "nobody"
        if param in ("ike-id", "child-id"):
            sa = self.sa()
            return str(sa["uniqueid"] if param == "ike-id" else [c for c in sa["child-sas"] if c["state"] == "INSTALLED"][0]["uniqueid"])
        if param == "transaction":
            if "transaction" not in self.numbers:
                self.numbers["transaction"] = str(json.loads(self.gw.ask("POST", "/api/v1/configuration/transactions")[2])["transaction"])
            return self.numbers["transaction"]
        return str(plan.get(param) or self.numbers.get(param) or THERE.get(param) or "nobody")

    def sa(self):
        """An SA with a child that is up: what came before may have taken it down, or be at it."""
        for _ in range(60):
            for sa in self.gw.json("/api/v1/sas?ike=t&state=ESTABLISHED")["items"]:
                if [c for c in sa["child-sas"] if c["state"] == "INSTALLED"]:
                    return sa
            self.gw.ask("POST", "/api/v1/connections/t/children/net/up", body={"timeout": 20000})
            time.sleep(0.2)
        raise RuntimeError("the tunnel does not come up")

    def path(self, path, plan, there):
        p = re.sub(r"{([^}]*)}", lambda m: urllib.parse.quote(self.value(m.group(1), plan, there), safe=""), path)
        return p + ("?" + plan["query"] if "query" in plan else "")

    def strangers(self):
        """Who has no role learns nothing: the same words wherever he asks."""
        words = set()
        for path, verb, op in self.doc.ops:
            bad, need = [], self.doc.role(op)
            for there in (False, True):
                where = self.path(path, {}, False) if not there else re.sub(r"{([^}]*)}", lambda m: THERE.get(m.group(1), "1"), path)
                for role in ("none", "a wrong token", "read", "operate"):
                    if role in ROLES and ROLES.index(role) >= ROLES.index(need) or need == "none":
                        continue
                    want = 403 if role in ROLES[1:] else 401
                    status, headers, data = self.gw.ask(verb.upper(), where, role)
                    if status != want:
                        bad.append("%s: %d instead of %d: %s" % (role, status, want, data[:100]))
                    else:
                        bad += [x for x in [self.doc.judge(op, verb, status, headers, data)] if x]
                    if want == 401:
                        words.add(data)
            self.say("%s %s is for the role %s" % (verb.upper(), path, need), bad)
        self.say("whoever has no token hears the same everywhere", [] if len(words) == 1 else list(words))

    def call(self, path, verb, op, there):
        plan = BODIES.get(verb + " " + path, {}) if there else {}
        where = self.path(path, plan, there)
        if there and path.endswith("/rekey"):
            self.sa()
        headers = dict(plan.get("headers", {}))
        status, got, data = self.gw.ask(verb.upper(), where, body=plan.get("body"), headers=headers)
        if there and path == "/api/v1/configuration/transactions/{transaction}/commit":
            self.numbers.pop("transaction", None)
        if there and status == 200 and path == "/api/v1/logs/levels" and verb == "post":
            self.numbers["rule"] = json.loads(data)["rule"]
        bad = self.doc.judge(op, verb, status, got, data)
        if there and verb == "get" and status == 200 and op["responses"].get("304") and got.get("etag"):
            again, more, rest = self.gw.ask("GET", where, headers={"If-None-Match": got["etag"]})
            bad = bad or self.doc.judge(op, verb, again, more, rest)
        if verb == "get" and not bad and got.get("content-type") != "text/event-stream":
            s2, h2, d2 = self.gw.ask("HEAD", where)
            if s2 != status or d2:
                bad = "HEAD is %d with %d bytes, GET %d" % (s2, len(d2), status)
        return status, bad

    def everything(self):
        for path, verb, op in sorted(self.doc.ops, key=lambda o: (o[0] == LAST, ORDER.index(o[1]))):
            bad, seen = [], []
            for there, self.absent in (True, ""), (False, "0"), (False, "4711"):
                # Nothing of the path: there is but one case.
                if not there and "{" not in path:
                    continue
                status, why = self.call(path, verb, op, there)
                seen.append(status)
                bad += [why] if why else []
                if not there and status < 400 and "{" in path and "levels" not in path:
                    bad.append("%d for what is not there" % status)
            self.say("%s %s: %s" % (verb.upper(), path, ", ".join(map(str, seen))), bad)


def main():
    tokens = dict(line.split() for line in open(sys.argv[2]))
    w = Walk(Gateway(sys.argv[1], tokens))
    w.strangers()
    w.everything()
    print("# %d operations" % len(w.doc.ops))


main()
