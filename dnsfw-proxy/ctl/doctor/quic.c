/* QUIC, where a list means TCP only. */
#include "quic.h"

#include <netinet/in.h>

#include <inttypes.h>

#include "../../acl/decide.h"
#include "../list.h"
#include "addrtext.h"
#include "command.h"
#include "granted.h"

#define HTTPS		443
#define TOLD_MAX	20
#define TEXT_MAX	120	/* octets of a rule */

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

/* By a rule for more names, or more clients, which is returned; or NULL. */
static const struct list_rule *
opens_udp(const struct list *l, const struct parse_rule *rule)
{
	static struct acl_decision d;

	acl_decide(l->image, &rule->client.base, &rule->name, &d);
	return (d.verdict != ACL_ALLOW ? NULL : granted_by(l, &d, IPPROTO_UDP,
	    HTTPS));
}

/*
 * Take the wider rule out, if it is for nothing but QUIC: clients then come by TCP.
 * Else how all counts is told.
 */
static void
mend_quic(struct command *c, const struct list *l,
    const struct parse_rule *rule, const struct list_rule *wider)
{
	char client[ADDR_TEXT_MAX], name[DNS_NAME_TEXT_MAX];
	struct parse_rule what;
	uint32_t line = wider->line;
	const char *path = list_place(l, &line);

	list_parse(wider, &what);
	if (what.nports == 1) {
		command_add(c, "sed -i --follow-symlinks '%" PRIu32 "s/^/#/'",
		    line);
		command_word(c, path);
		command_add(c, " && systemctl reload dnsfw");
		return;
	}
	dns_name_print(&rule->name, name);
	command_add(c, "dnsfwctl explain --acl");
	command_word(c, l->path);
	command_word(c, addr_print(&rule->client.base, client));
	command_word(c, name);
}

static void
tell_quic(const struct list *l, const struct list_rule *r,
    const struct parse_rule *rule, const struct list_rule *wider,
    struct findings *f)
{
	char place[TEXTS_NAME_SIZE], wider_place[TEXTS_NAME_SIZE];
	struct command mend = { .len = 0 };
	const char *text, *wider_text;
	size_t len = list_text(r, &text);
	size_t wider_len = list_text(wider, &wider_text);

	mend_quic(&mend, l, rule, wider);
	findings_add(f, WARNING, "quic", command_text(&mend), "%s of the list "
	    "(%.*s) means TCP only, and %s (%.*s) opens UDP port 443 (QUIC) "
	    "for it, too", texts_name(&l->texts, 1, r->line, place),
	    (int)(len < TEXT_MAX ? len : TEXT_MAX), text,
	    texts_name(&l->texts, 1, wider->line, wider_place),
	    (int)(wider_len < TEXT_MAX ? wider_len : TEXT_MAX), wider_text);
}

void
quic_look(const struct list *l, struct findings *f)
{
	const struct list_rule *wider;
	struct parse_rule rule;
	unsigned int told = 0;
	uint32_t i;

	for (i = 0; i < l->nrules && told < TOLD_MAX; i++) {
		/* One with a wildcard is not for its name itself. */
		list_parse(&l->rules[i], &rule);
		if (l->rules[i].grouped || rule.wildcard ||
		    !grants_https(&rule, IPPROTO_TCP) ||
		    says_udp(l, &l->rules[i]) ||
		    (wider = opens_udp(l, &rule)) == NULL)
			continue;
		told++;
		tell_quic(l, &l->rules[i], &rule, wider, f);
	}
}
