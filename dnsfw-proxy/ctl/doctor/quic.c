/* QUIC, where a list means TCP only. */
#include "quic.h"

#include <netinet/in.h>

#include "../../acl/decide.h"
#include "../list.h"

#define HTTPS		443
#define TOLD_MAX	20

static bool
grants_https(const struct parse_rule *rule, uint8_t proto)
{
	return (rule->action == PARSE_GRANT && rule->proto == proto &&
	    parse_has_port(rule, HTTPS));
}

/* Does a rule for the same client and name say UDP, too? */
static bool
says_udp(const struct list *l, const struct list_rule *r)
{
	struct parse_rule rule;
	const uint32_t *first;
	size_t i, n = list_rules(l, r->record, &first);

	for (i = 0; i < n; i++) {
		list_parse(&l->rules[first[i]], &rule);
		if (grants_https(&rule, IPPROTO_UDP))
			return (true);
	}
	return (false);
}

/* By a rule for more names, or more clients. */
static bool
opens_udp(const struct list *l, const struct parse_rule *rule)
{
	static struct acl_decision d;
	size_t i;

	acl_decide(l->image, &rule->client.base, &rule->name, &d);
	for (i = 0; d.verdict == ACL_ALLOW && i < d.nports; i++)
		if (d.ports[i].port == HTTPS &&
		    d.ports[i].proto == IPPROTO_UDP)
			return (true);
	return (false);
}

void
quic_look(const struct list *l, struct findings *f)
{
	char place[TEXTS_NAME_SIZE];
	struct parse_rule rule;
	unsigned int told = 0;
	const char *text;
	uint32_t i;
	size_t len;

	for (i = 0; i < l->nrules && told < TOLD_MAX; i++) {
		/* One with a wildcard is not for its name itself. */
		list_parse(&l->rules[i], &rule);
		if (l->rules[i].grouped || rule.wildcard ||
		    !grants_https(&rule, IPPROTO_TCP) ||
		    says_udp(l, &l->rules[i]) || !opens_udp(l, &rule))
			continue;
		told++;
		len = list_text(&l->rules[i], &text);
		findings_add(f, WARNING, "quic", "", "%s of the list "
		    "(%.*s) means TCP only, and a wider rule opens UDP port "
		    "443 (QUIC) for it, too",
		    texts_name(&l->texts, 1, l->rules[i].line, place),
		    (int)(len < 120 ? len : 120), text);
	}
}
