/* What becomes of a query. */
#include "decision.h"

#include <string.h>

#include "policy.h"
#include "settings.h"

#define BELOW_MAX	16	/* origins that are asked for an ancestor */

/* --- ways around (D16) --- */

static enum decision_signal
signal_of(const struct dns_name *name, unsigned int *labels)
{
	/* RFC 9462; the canary of Firefox; what iCloud Private Relay asks. */
	static const struct dns_name resolver =
	    { 15, 2, "\010resolver\004arpa" };
	static const struct dns_name names[] = {
		{ 25, 2, "\023use-application-dns\003net" },
		{ 17, 3, "\004mask\006icloud\003com" },
		{ 20, 3, "\007mask-h2\006icloud\003com" },
	};
	size_t i;

	*labels = resolver.labels;
	if (dns_name_is_under(name, &resolver))
		return (SIGNAL_NODATA);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*labels = names[i].labels;
		if (dns_name_equal(name, &names[i]))
			return (SIGNAL_NXDOMAIN);
	}
	return (SIGNAL_NONE);
}

/* A rule for the name, or for some name below, means it; "*" does not. */
static enum decision_signal
answered_here(const struct dns_name *name, const struct acl_decision *d)
{
	enum decision_signal signal;
	unsigned int labels;

	if (settings.config.bypass_pass)
		return (SIGNAL_NONE);
	signal = signal_of(name, &labels);
	return (d->depth < labels ? signal : SIGNAL_NONE);
}

/* --- alias targets (D14) --- */

/* What the origin's name is allowed, by the policy of now; false: nothing. */
static bool
origin_decide(const struct addr *client, const struct alias_origin *origin,
    struct acl_decision *out)
{
	acl_decide(policy.image, client, &origin->name, out);
	/* A rule for "*" is one for the target itself, if it is one at all. */
	return (out->verdict == ACL_ALLOW && !out->overflow && out->depth > 0);
}

static bool
has_port(const struct acl_decision *d, const struct acl_port *port)
{
	unsigned int i;

	for (i = 0; i < d->nports; i++)
		if (d->ports[i].port == port->port &&
		    d->ports[i].proto == port->proto)
			return (true);
	return (false);
}

/* The origin allows the target what it is allowed itself. */
static void
add_origin(struct decision *out, const struct alias_origin *origin,
    const struct acl_decision *d)
{
	struct acl_decision *acl = &out->acl;
	unsigned int i;

	if (acl->verdict != ACL_ALLOW) {
		acl->verdict = ACL_ALLOW;
		acl->line = d->line;
	}
	out->origins[out->norigins++] = origin->name;
	acl->resolve |= d->resolve;
	acl->resolve_first |= d->resolve_first;
	for (i = 0; i < d->nports; i++) {
		if (has_port(acl, &d->ports[i]))
			continue;
		if (acl->nports == ACL_PORTS_MAX) {
			acl->overflow = true;
			return;
		}
		out->from[acl->nports] = (uint8_t)out->norigins;
		acl->ports[acl->nports++] = d->ports[i];
	}
}

static bool
is_added(const struct decision *d, const struct dns_name *origin)
{
	unsigned int i;

	for (i = 0; i < d->norigins; i++)
		if (dns_name_identical(&d->origins[i], origin))
			return (true);
	return (false);
}

/*
 * No rule names the target, so the rules of the names that led there decide;
 * what "*" allows is there before them.
 */
static void
add_origins(const struct addr *client, const struct dns_name *target,
    uint64_t since, struct decision *out)
{
	const struct alias_origin *origins = alias_origins(client, target,
	    since);
	DNS_UNINITIALIZED struct acl_decision d;
	unsigned int i;

	if (origins == NULL)
		return;
	memset(out->from, 0, sizeof(out->from));
	for (i = 0; i < ALIAS_ORIGINS; i++)
		if (origins[i].expiry > since &&
		    !is_added(out, &origins[i].name) &&
		    origin_decide(client, &origins[i], &d))
			add_origin(out, &origins[i], &d);
}

const struct dns_name *
decision_label(const struct decision *d, unsigned int port,
    const struct dns_name *qname)
{
	if (d->norigins == 0 || d->from[port] == 0)
		return (qname);
	return (&d->origins[d->from[port] - 1]);
}

/* --- validators (D17) --- */

static bool
is_above_target(const struct addr *client, const struct dns_name *name,
    uint64_t since)
{
	const struct alias_origin *origins[BELOW_MAX];
	DNS_UNINITIALIZED struct acl_decision d;
	size_t i, n;

	n = alias_origins_below(client, name, since, origins, BELOW_MAX);
	for (i = 0; i < n; i++)
		if (origin_decide(client, origins[i], &d))
			return (true);
	return (false);
}

static bool
keys_allowed(const struct addr *client, const struct dns_query *dns,
    uint64_t since)
{
	return (decision_is_keys(dns->qtype) &&
	    (acl_is_ancestor(policy.image, client, &dns->qname) ||
	    is_above_target(client, &dns->qname, since)));
}

/* --- all of it --- */

/* What is allowed without a list: nothing. */
static void
decide_nothing(struct decision *out)
{
	memset(&out->acl, 0, sizeof(out->acl));
	out->signal = SIGNAL_NONE;
	out->keys = out->named = false;
	out->norigins = 0;
}

bool
decision_is_plain(const struct dns_query *dns)
{
	return (dns->has_question && dns->qclass == CLASS_IN &&
	    DNS_OPCODE_OF(dns->flags) == DNS_OPCODE_QUERY);
}

bool
decision_is_keys(uint16_t qtype)
{
	return (qtype == TYPE_DS || qtype == TYPE_DNSKEY);
}

void
decision_make_for(const struct request *r, const struct addr *client,
    struct decision *out)
{
	const struct dns_query *dns = &r->dns;
	struct acl_decision *acl = &out->acl;

	if (policy.missed) {
		decide_nothing(out);
		return;
	}
	acl_decide(policy.image, client, dns->has_question ? &dns->qname : NULL,
	    acl);
	out->signal = SIGNAL_NONE;
	out->keys = false;
	out->named = acl->verdict == ACL_ALLOW && acl->depth > 0;
	out->norigins = 0;
	if (!decision_is_plain(dns))
		return;
	out->signal = answered_here(&dns->qname, acl);
	if (acl->depth == 0 && !acl->hides)
		add_origins(client, &dns->qname, r->since, out);
	if (acl->verdict != ACL_ALLOW && keys_allowed(client, dns, r->since)) {
		acl->verdict = ACL_ALLOW;
		out->keys = true;
	}
}

void
decision_make(const struct request *r, struct decision *out)
{
	decision_make_for(r, &r->client, out);
}
