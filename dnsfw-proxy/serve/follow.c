/* The names that an answer leads to. */
#include "follow.h"

#include "alias.h"
#include "clock.h"
#include "loop.h"
#include "policy.h"
#include "settings.h"

/* As long as a grant for a record with this TTL (G3), with its grace. */
static uint64_t
expiry_of(uint32_t ttl)
{
	uint32_t lifetime, grace;

	lifetime = msg_lifetime(ttl, settings.config.min_rule_time,
	    settings.config.max_rule_time);
	grace = msg_grace(lifetime, settings.config.max_rule_time);
	return (loop.now + ((uint64_t)lifetime + grace) * CLOCK_SECOND);
}

/* What leads to the question leads to the target, too. */
static void
remember(const struct request *q, const struct dns_target *target)
{
	const struct alias_origin *o = NULL;
	struct alias_origin origins[ALIAS_ORIGINS];
	unsigned int i, n = 0;

	if (q->named)
		alias_remember(&q->client, &target->name, &q->dns.qname, 1,
		    loop.now, expiry_of(target->ttl));
	if (q->aliased)
		o = alias_origins(&q->client, &q->dns.qname, q->since);
	/* The table may change under them. */
	for (i = 0; o != NULL && i < ALIAS_ORIGINS; i++)
		if (o[i].expiry > q->since)
			origins[n++] = o[i];
	for (i = 0; i < n; i++)
		alias_remember(&q->client, &target->name, &origins[i].name,
		    origins[i].hops + 1U, loop.now, expiry_of(target->ttl));
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
	for (i = 0; leads && i < n; i++)
		remember(q, &targets[i]);
	if (leads && n > 0)
		dns_answer_cap_ttl(msg, a->len, a->response,
		    settings.config.max_rule_time);
	return (FOLLOW_PASS);
}
