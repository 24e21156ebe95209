/* From the addresses of an answer to the grants that it needs. */
#include "needs.h"

#include "../dns/vet.h"
#include "accesslog.h"
#include "policy.h"
#include "removal.h"
#include "scratch.h"
#include "settings.h"

size_t
needs_addresses(const struct request *q, const struct recipients *to,
    const struct dns_address *a, size_t n, struct dns_address out[NEEDS_MAX + 1])
{
	bool told = !settings.config.firewall;
	size_t i, nout = 0;

	for (i = 0; i < n && nout <= NEEDS_MAX; i++) {
		/* It passes, or is removed. */
		if (dns_vet_forbidden(&a[i].addr, &settings.vet))
			continue;
		/* Once an answer: it looks at all who were told of. */
		if (!told)
			told = removal_tell_of_scope(q, to, &a[i].addr);
		if (recipients_reach(to->families, &a[i].addr))
			out[nout++] = a[i];
	}
	return (nout);
}

static size_t
count_taken(const struct addr *recipient, const struct dns_address *a, size_t n)
{
	size_t i, taken = 0;

	for (i = 0; i < n; i++)
		taken += recipient_takes(recipient, &a[i].addr);
	return (taken);
}

size_t
needs_count(const struct request *q, const struct recipients *to,
    const struct decision *d, const struct dns_address *a, size_t n)
{
	size_t count = d->acl.nports * count_taken(&to->at[0], a, n);
	struct decision *other = scratch_take(sizeof(*other));
	unsigned int i;

	for (i = 1; i < to->n && count <= NEEDS_MAX; i++) {
		decision_make_for(q, &to->at[i], other);
		count += other->acl.nports * count_taken(&to->at[i], a, n);
	}
	scratch_give(other);
	return (count <= NEEDS_MAX ? count : NEEDS_MAX + 1);
}

void
needs_begin(struct needs *needs)
{
	needs->expiry = NEEDS_NO_EXPIRY;
	needs->nwants = needs->nknown = needs->nlabels = 0;
}

/* One address and port; false: these are too many. */
static bool
need(struct needs *needs, const struct grants_want *want)
{
	struct grants_want *w = &needs->want[needs->nwants];
	uint64_t known;

	if (needs->nwants + needs->nknown == NEEDS_MAX)
		return (false);
	*w = *want;
	if ((known = grants_known(w)) == 0) {
		needs->nwants++;
		return (true);
	}
	/* This may be its place already. */
	needs->want[NEEDS_MAX - ++needs->nknown] = *w;
	if (known < needs->expiry)
		needs->expiry = known;
	return (true);
}

/* The label, where it outlives the decision that it is of; NULL: no room. */
static const struct dns_name *
keep_label(struct needs *needs, const struct dns_name *label,
    const struct dns_name *qname)
{
	size_t i;

	if (label == qname)
		return (qname);
	for (i = 0; i < needs->nlabels; i++)
		if (dns_name_identical(&needs->labels[i], label))
			return (&needs->labels[i]);
	if (i == ALIAS_ORIGINS)
		return (NULL);
	needs->labels[needs->nlabels++] = *label;
	return (&needs->labels[i]);
}

bool
needs_add(struct needs *needs, const struct request *q,
    const struct addr *recipient, const struct decision *d,
    const struct dns_address *a, size_t n)
{
	struct grants_want w = { .client = *recipient };
	unsigned int p;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!recipient_takes(recipient, &a[i].addr))
			continue;
		for (p = 0; p < d->acl.nports; p++) {
			w.dst = a[i].addr;
			w.port = d->acl.ports[p];
			w.ttl = policy_ttl(&w.port, a[i].ttl);
			w.label = keep_label(needs, decision_label(d, p,
			    &q->dns.qname), &q->dns.qname);
			if (w.label == NULL || !need(needs, &w))
				return (false);
		}
	}
	return (true);
}

void
needs_log(const struct request *q, const struct needs *needs)
{
	const struct grants_want *w;
	size_t i;

	for (i = 1; i <= needs->nknown; i++) {
		w = &needs->want[NEEDS_MAX - i];
		access_grant(q, &w->client, &w->dst, &w->port, w->lifetime);
	}
}
