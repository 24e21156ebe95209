/* What explain has found, as text and as JSON (U4). */
#include "explained.h"

#include <netinet/in.h>

#include <inttypes.h>
#include <stdio.h>

#include "../dns/mnemonic.h"
#include "addrtext.h"
#include "grantlist.h"
#include "json.h"

/* --- as text --- */

#define OTHER_TEXT_MAX	(ADDR_TEXT_MAX + 4)

static bool
is_network(const struct outcome_other *other)
{
	return (other->net.prefix < addr_len(other->net.base.family) * 8);
}

static const char *
proto_text(uint8_t proto)
{
	return (proto == IPPROTO_UDP ? "udp" : "tcp");
}

static void
print_ports(const struct acl_port *ports, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		printf("%s%s:%u", i == 0 ? "" : ", ",
		    proto_text(ports[i].proto), ports[i].port);
}

static const char *
other_text(const struct outcome_other *other, char text[OTHER_TEXT_MAX])
{
	char address[ADDR_TEXT_MAX];

	snprintf(text, OTHER_TEXT_MAX, "%s%s",
	    addr_print(&other->net.base, address), is_network(other) ?
	    "/64" : "");
	return (text);
}

/* What other addresses of the host get of the answer. */
static void
print_others(const struct outcome *o)
{
	const struct outcome_other *other, *end = o->others + o->nothers;
	char text[OTHER_TEXT_MAX];

	for (other = o->others; other < end; other++) {
		printf("    %s, of the same host%s: ", other_text(other, text),
		    is_network(other) ? ", where it has asked from" : "");
		print_ports(other->ports, other->nports);
		printf("%s\n", other->nports == 0 ? "nothing" : "");
	}
}

static const char *
effect_text(const struct outcome_rule *r)
{
	return (r->hidden ? "hidden by that" : !r->blocks ? "allows" :
	    r->decides ? "blocks" : "hides what follows");
}

static void
print_rules(const struct list *l, const struct outcome *o)
{
	const struct outcome_rule *r;
	const char *text, *file;
	uint32_t line;
	size_t i, len;

	for (i = 0; i < o->nrules; i++) {
		r = &o->rules[i];
		line = r->rule->line;
		file = list_place(l, &line);
		len = list_text(r->rule, &text);
		printf("    %s:%u: %.*s  (%s)\n", file, line, (int)len, text, effect_text(r));
	}
	if (o->more)
		printf("    and more\n");
}

/* The next of the client's at or behind that one, up to n; or n. */
static size_t
next_grant(const struct explained *e, const struct control_grant *grants,
    size_t at, size_t n)
{
	while (at < n && !opened_is_of(e->opened, e->list->image,
	    &e->q->client, &grants[at]))
		at++;
	return (at);
}

static void
print_open(const struct control_grant *g)
{
	char client[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];

	printf("    open: %s:%u to %s for %s, %" PRIu32 " s left%s%s\n",
	    grantlist_proto(g), g->port, grantlist_address(g, dst),
	    grantlist_client(g, client), g->left,
	    opened_is_cut(g) ? ", by a name of that end" : "",
	    g->lacking != 0 ? "; but the firewall is incomplete" : "");
}

/* What is open now, if that is known. */
static void
print_grants(const struct explained *e)
{
	const struct control_grant *grants;
	size_t i, n, first;

	if (!e->opened->known)
		return;
	n = opened_from(e->opened, &e->q->name, &grants);
	first = next_grant(e, grants, 0, n);
	for (i = first; i < n; i = next_grant(e, grants, i + 1, n))
		print_open(&grants[i]);
	if (first == n)
		printf("    open by this name: nothing\n");
}

void
explained_text(const struct explained *e)
{
	const struct outcome_question *q = e->q;
	const struct outcome *o = e->o;
	char client[ADDR_TEXT_MAX], local[ADDR_TEXT_MAX];
	char name[DNS_NAME_TEXT_MAX], type[DNS_MNEMONIC_SIZE];

	dns_name_print(&q->name, name);
	printf("%s %s %s: ", addr_print(&q->client, client), name,
	    dns_type_print(q->type, type));
	switch (o->kind) {
	case OUTCOME_GRANT:
		printf("resolved, and granted: ");
		print_ports(o->d.acl.ports, o->d.acl.nports);
		break;
	case OUTCOME_RESOLVE:
		printf("resolved, nothing granted");
		break;
	case OUTCOME_STATIC:
		printf("answered with %s", o->empty ? "nothing" :
		    addr_print(&o->d.acl.local, local));
		break;
	case OUTCOME_REFUSE:
		printf("refused");
		break;
	}
	printf("%s%s\n", o->why == NULL ? "" : ": ", o->why == NULL ? "" :
	    o->why);
	print_rules(e->list, o);
	print_others(o);
	print_grants(e);
}

/* --- as JSON --- */

static void
json_rules(struct json *j, const struct list *l, const struct outcome *o,
    const char *key, bool hidden)
{
	const struct outcome_rule *r;
	const char *text;
	uint32_t line;
	size_t i, len;

	json_begin(j, key, '[');
	for (i = 0; i < o->nrules; i++) {
		r = &o->rules[i];
		if (r->hidden != hidden)
			continue;
		len = list_text(r->rule, &text);
		json_begin(j, NULL, '{');
		line = r->rule->line;
		json_text(j, "file", list_place(l, &line));
		json_number(j, "line", line);
		json_bytes(j, "text", text, len);
		if ((len = list_comment(r->rule, &text)) > 0)
			json_bytes(j, "comment", text, len);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void
json_allow(struct json *j, const struct acl_port *ports, unsigned int n)
{
	char port[sizeof("tcp:65535")];
	unsigned int i;

	json_begin(j, "allow", '[');
	for (i = 0; i < n; i++) {
		snprintf(port, sizeof(port), "%s:%u",
		    proto_text(ports[i].proto), ports[i].port);
		json_text(j, NULL, port);
	}
	json_end(j, ']');
}

static void
json_others(struct json *j, const struct outcome *o)
{
	const struct outcome_other *other, *end = o->others + o->nothers;
	char text[OTHER_TEXT_MAX];

	json_begin(j, "host", '[');
	for (other = o->others; other < end; other++) {
		json_begin(j, NULL, '{');
		json_text(j, "client", other_text(other, text));
		json_allow(j, other->ports, other->nports);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void
json_grants(struct json *j, const struct explained *e)
{
	const struct control_grant *grants;
	size_t i, n;

	if (!e->opened->known) {
		json_null(j, "grants");
		return;
	}
	json_begin(j, "grants", '[');
	n = opened_from(e->opened, &e->q->name, &grants);
	for (i = next_grant(e, grants, 0, n); i < n;
	    i = next_grant(e, grants, i + 1, n))
		grantlist_json(j, &grants[i]);
	json_end(j, ']');
}

/* What the running dnsfw has to do with it. */
static void
json_opened(struct json *j, const struct explained *e)
{
	json_grants(j, e);
	if (e->opened->known)
		json_bool(j, "list_in_force",
		    e->opened->sum == e->list->sum);
	else
		json_null(j, "list_in_force");
	if (e->opened->why != NULL)
		json_text(j, "not_asked", e->opened->why);
	else
		json_null(j, "not_asked");
}

void
explained_json(const struct explained *e)
{
	static const char *const outcomes[] = {
		[OUTCOME_GRANT] = "grant", [OUTCOME_RESOLVE] = "resolve",
		[OUTCOME_REFUSE] = "refuse", [OUTCOME_STATIC] = "static"
	};
	char text[DNS_NAME_TEXT_MAX], address[ADDR_TEXT_MAX];
	const struct outcome_question *q = e->q;
	const struct outcome *o = e->o;
	struct json j = { .to = stdout };

	json_begin(&j, NULL, '{');
	json_text(&j, "client", addr_print(&q->client, address));
	dns_name_print(&q->name, text);
	json_text(&j, "name", text);
	json_text(&j, "type", dns_type_print(q->type, text));
	json_text(&j, "decision", outcomes[o->kind]);
	json_allow(&j, o->d.acl.ports, o->kind == OUTCOME_GRANT ?
	    o->d.acl.nports : 0);
	if (o->kind == OUTCOME_STATIC && !o->empty)
		json_text(&j, "address", addr_print(&o->d.acl.local, address));
	else
		json_null(&j, "address");
	if (o->why == NULL)
		json_null(&j, "reason");
	else
		json_text(&j, "reason", o->why);
	json_rules(&j, e->list, o, "rules", false);
	json_rules(&j, e->list, o, "hidden", true);
	json_others(&j, o);
	json_opened(&j, e);
	json_end(&j, '}');
	json_line(&j);
}
