/* Servers of DNS over HTTPS, as far as lists allow them. */
#include "doh.h"

#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "../../acl/decide.h"
#include "../list.h"
#include "dohnames.h"

#define HTTPS		443
#define TOLD_MAX	20
#define LOOKED_MAX	20000	/* rules; each of them costs all names */

static bool
decision_has(const struct acl_decision *d, uint8_t proto)
{
	size_t i;

	for (i = 0; i < d->nports; i++)
		if (d->ports[i].port == HTTPS && d->ports[i].proto == proto)
			return (true);
	return (false);
}

/* Does the list let the rule's client reach the name, by this rule's line? */
static bool
allows_server(const struct list *l, const struct parse_rule *rule, uint32_t line,
    const char *text)
{
	static struct acl_decision d;
	struct dns_name name;
	size_t at, i;

	if (dns_name_parse(text, strlen(text), &name, &at) != DNS_OK)
		return (false);
	acl_decide(l->image, &rule->client.base, &name, &d);
	if (d.verdict != ACL_ALLOW || !decision_has(&d, rule->proto))
		return (false);
	for (i = 0; i < d.nlines; i++)
		if (d.lines[i] == line)
			return (true);
	return (false);
}

static void
look_at_rule(const struct list *l, const struct list_rule *r,
    const struct parse_rule *rule, struct findings *f)
{
	const char *const *name, *text;
	char mend[512];
	size_t len;

	for (name = doh_names; *name != NULL; name++)
		if (allows_server(l, rule, r->line, *name))
			break;
	if (*name == NULL)
		return;
	len = list_text(l, r, &text);
	snprintf(mend, sizeof(mend), "echo '%.*s -| %s' >>%.200s && "
	    "systemctl reload dnsfw", (int)strcspn(text, " \t"), text, *name,
	    l->path);
	findings_add(f, WARNING, "doh", mend, "line %u of the list (%.*s) lets "
	    "clients use DNS over HTTPS elsewhere, as at %s", r->line,
	    (int)(len < 120 ? len : 120), text, *name);
}

void
doh_look(const struct list *l, struct findings *f)
{
	struct parse_rule rule;
	uint32_t i, last = 0;
	size_t before = f->n;

	for (i = 0; i < l->nrules && i < LOOKED_MAX &&
	    f->n - before < TOLD_MAX; i++) {
		list_parse(l, &l->rules[i], &rule);
		if (rule.action != PARSE_GRANT ||
		    !parse_has_port(&rule, HTTPS) ||
		    l->rules[i].line == last)
			continue;
		look_at_rule(l, &l->rules[i], &rule, f);
		if (f->n > before)
			last = 0;
	}
	if (l->nrules > LOOKED_MAX)
		findings_add(f, NOTE, "not-all", "", "of the list's rules the "
		    "first %d were looked at for DNS over HTTPS", LOOKED_MAX);
}
