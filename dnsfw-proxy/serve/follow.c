/* The names that an answer leads to. */
#include "follow.h"

#include "alias.h"
#include "clock.h"
#include "loop.h"
#include "policy.h"
#include "settings.h"

/*
 * In seconds, without the grace: as long as the longest grant by these rules, each
 * with its bounds, for a record with this TTL (G3).  Under ~> the TTL has none.
 */
static uint32_t
lifetime_by(const struct acl_decision *d, uint32_t ttl)
{
	uint32_t longest = d->resolve ? ttl : 0, one;
	unsigned int i;

	for (i = 0; i < d->nports; i++) {
		one = policy_ttl(&d->ports[i], ttl);
		if (one > longest)
			longest = one;
	}
	return (msg_lifetime(longest, settings.config.min_rule_time,
	    settings.config.max_rule_time));
}

static uint64_t
expiry_by(const struct acl_decision *d, uint32_t ttl)
{
	uint32_t lifetime = lifetime_by(d, ttl), grace;

	grace = msg_grace(lifetime, settings.config.max_rule_time);
	return (loop.now + ((uint64_t)lifetime + grace) * CLOCK_SECOND);
}

/* Returns the longest time for which a target of this origin is remembered. */
static uint32_t
remember(const struct request *q, const struct dns_name *origin,
    unsigned int hops, const struct dns_target *targets, size_t n)
{
	DNS_UNINITIALIZED struct acl_decision d;
	size_t i;

	acl_decide(policy.image, &q->client, origin, &d);
	for (i = 0; i < n; i++)
		alias_remember(&q->client, &targets[i].name, origin, hops,
		    loop.now, expiry_by(&d, targets[i].ttl));
	return (lifetime_by(&d, UINT32_MAX));
}

/* The same of all origins: what leads to the question leads to the targets, too. */
static uint32_t
remember_all(const struct request *q, const struct dns_target *targets, size_t n)
{
	const struct alias_origin *o = NULL;
	struct alias_origin origins[ALIAS_ORIGINS];
	unsigned int i, norigins = 0;
	uint32_t longest = 0, one;

	if (q->aliased)
		o = alias_origins(&q->client, &q->dns.qname, q->since);
	/* The table may change under them. */
	for (i = 0; o != NULL && i < ALIAS_ORIGINS; i++)
		if (o[i].expiry > q->since)
			origins[norigins++] = o[i];
	if (q->named)
		longest = remember(q, &q->dns.qname, 1, targets, n);
	for (i = 0; i < norigins; i++) {
		one = remember(q, &origins[i].name, origins[i].hops + 1U,
		    targets, n);
		if (one > longest)
			longest = one;
	}
	return (longest);
}

/* A rule for "*" is about no name in particular. */
static bool
is_blocked(const struct request *q, const struct dns_name *name,
    struct acl_decision *d)
{
	acl_decide(policy.image, &q->client, name, d);
	return ((d->verdict == ACL_BLOCK || d->verdict == ACL_LOCAL) &&
	    d->depth > 0);
}

enum follow
follow_answer(const struct request *q, struct answer *a, uint8_t *msg,
    struct acl_decision *d)
{
	const struct dns_target *targets;
	bool leads = q->named || q->aliased;
	enum dns_err err;
	size_t i, n;

	if (!leads && !settings.config.block_aliases)
		return (FOLLOW_PASS);
	err = answer_targets(a, &targets, &n);
	for (i = 0; settings.config.block_aliases && i < n; i++)
		if (is_blocked(q, &targets[i].name, d))
			return (FOLLOW_BLOCKED);
	/* What was not looked at may be blocked. */
	if (settings.config.block_aliases && (err != DNS_OK || i == DNS_CHAIN_MAX))
		return (FOLLOW_TOO_MANY);
	if (leads && n > 0)
		dns_answer_cap_ttl(msg, a->len, a->response,
		    remember_all(q, targets, n));
	return (FOLLOW_PASS);
}
