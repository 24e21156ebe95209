/* Servers of DNS over HTTPS, as far as lists allow them. */
#include "doh.h"

#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "../../acl/decide.h"
#include "../list.h"
#include "command.h"
#include "dohnames.h"
#include "granted.h"

#define HTTPS		443
#define TOLD_MAX	20
#define LOOKED_MAX	20000	/* clients; each of them costs all names */

struct doh {
	const struct list *l;
	struct findings	*findings;
	unsigned int	looked, told;
	uint32_t	last;		/* line that was told of */
};

static bool
opens_https(const struct acl_decision *d, uint8_t proto)
{
	size_t i;

	for (i = 0; d->verdict == ACL_ALLOW && i < d->nports; i++)
		if (d->ports[i].port == HTTPS && d->ports[i].proto == proto)
			return (true);
	return (false);
}

/*
 * Block all of the names for the clients of the rule, by a group that is made if it
 * is not there.  The list may end without a newline.
 */
static void
block_all(struct command *c, const struct doh *h, const struct list_rule *r)
{
	const char *const *name, *text;
	char rule[512];
	size_t len = list_text(r, &text);

	len = strcspn(text, " \t") < len ? strcspn(text, " \t") : len;
	command_add(c, "{ grep -qi '^ *@doh *='");
	command_word(c, h->l->path);
	command_add(c, " || printf '\\n%%s\\n' '@doh = ");
	for (name = doh_names; *name != NULL; name++)
		command_add(c, "%s%s", name == doh_names ? "" : ",", *name);
	command_add(c, "'; printf '\\n%%s\\n'");
	if ((size_t)snprintf(rule, sizeof(rule), "%.*s -| @doh", (int)len,
	    text) >= sizeof(rule))
		c->failed = true;
	command_word(c, rule);
	command_add(c, "; } >>");
	command_word(c, h->l->path);
	command_add(c, " && systemctl reload dnsfw");
}

static void
tell_server(struct doh *h, const struct list_rule *r, const char *name)
{
	struct command mend = { .len = 0 };
	char place[TEXTS_NAME_SIZE];
	const char *text;
	size_t len = list_text(r, &text);

	h->last = r->line;
	h->told++;
	block_all(&mend, h, r);
	findings_add(h->findings, WARNING, "doh", command_text(&mend),
	    "%s of the list (%.*s) lets clients use DNS over HTTPS elsewhere, "
	    "as at %s", texts_name(&h->l->texts, 1, r->line, place),
	    (int)(len < 120 ? len : 120), text, name);
}

static void
look_at_client(void *arg, const struct addr_net *client, uint8_t proto,
    uint16_t port)
{
	static struct acl_decision d;
	struct doh *h = arg;
	const char *const *text;
	const struct list_rule *r;
	struct dns_name name;
	size_t at;

	if ((port != HTTPS && port != 0) || h->told == TOLD_MAX ||
	    h->looked++ >= LOOKED_MAX)
		return;
	for (text = doh_names; *text != NULL; text++) {
		if (dns_name_parse(*text, strlen(*text), &name, &at) != DNS_OK)
			continue;
		acl_decide(h->l->image, &client->base, &name, &d);
		if (!opens_https(&d, proto))
			continue;
		r = granted_by(h->l, &d, proto, HTTPS);
		if (r == NULL || r->line == h->last)
			continue;
		tell_server(h, r, *text);
		return;
	}
}

void
doh_look(const struct list *l, struct findings *f)
{
	struct doh h = { .l = l, .findings = f };

	granted_each(l, look_at_client, &h);
	if (h.looked > LOOKED_MAX)
		findings_add(f, NOTE, "not-all", "", "of the list's clients "
		    "the first %d were looked at for DNS over HTTPS",
		    LOOKED_MAX);
}
