/* To whom the addresses of an answer are granted. */
#include "recipients.h"

#include "addrtext.h"
#include "kin.h"
#include "policy.h"
#include "quota.h"
#include "scope.h"
#include "settings.h"

/* One address, if it can connect at all, with the families that it reaches. */
static void
add_recipient(struct recipients *r, const struct addr *a)
{
	r->at[r->n++] = *a;
	if (scope_is_link_local(a))
		return;
	/* A loopback client is this host, in both families (G5). */
	if (addr_is_loopback(a))
		r->families |= MSG_FAMILY_V4 | MSG_FAMILY_V6;
	else
		r->families |= a->family == ADDR_V4 ? MSG_FAMILY_V4 :
		    MSG_FAMILY_V6;
}

/* Another address of the host, if the list gives it something. */
static void
add_other(struct recipients *r, const struct request *q, const struct addr *a)
{
	DNS_UNINITIALIZED struct decision d;

	if (addr_equal(a, &q->client) || scope_is_link_local(a) ||
	    !quota_serves(a))
		return;
	decision_make_for(q, a, &d);
	if (d.acl.verdict == ACL_ALLOW && !d.acl.overflow && d.acl.nports > 0)
		add_recipient(r, a);
}

static void
add_host(struct recipients *r, const struct request *q, uint32_t host)
{
	struct addr_net nets[ACL_HOST_MAX];
	struct addr known[KNOWN_MAX];
	unsigned int i, n;

	n = acl_host_list(policy.image, host, nets);
	for (i = 0; i < n; i++)
		if (nets[i].base.family == ADDR_V4 || nets[i].prefix > HOST_NET)
			add_other(r, q, &nets[i].base);
	n = known_list(host, known);
	for (i = 0; i < n; i++)
		add_other(r, q, &known[i]);
}

static void
add_kin(struct recipients *r, const struct request *q)
{
	struct addr kin[KIN_MAX];
	unsigned int i, n = kin_list(policy.image, &q->client, kin);

	for (i = 0; i < n; i++)
		add_other(r, q, &kin[i]);
}

void
recipients_of(const struct request *q, struct recipients *r)
{
	uint32_t host;

	r->n = 0;
	r->families = 0;
	add_recipient(r, &q->client);
	if (acl_host_of(policy.image, &q->client, &host))
		add_host(r, q, host);
	else
		add_kin(r, q);
	r->families &= settings.config.firewall ? policy.families : 0;
}

bool
recipients_reach(uint8_t families, const struct addr *dst)
{
	return ((families & (dst->family == ADDR_V4 ? MSG_FAMILY_V4 :
	    MSG_FAMILY_V6)) != 0);
}

bool
recipient_takes(const struct addr *recipient, const struct addr *dst)
{
	return (!scope_is_link_local(recipient) &&
	    (recipient->family == dst->family ||
	    addr_is_loopback(recipient)));
}

bool
recipients_match(const struct recipients *r, const struct addr *dst)
{
	unsigned int i;

	for (i = 0; i < r->n; i++)
		if (recipient_takes(&r->at[i], dst) &&
		    scope_is_local(&r->at[i]) == scope_is_local(dst))
			return (true);
	return (false);
}
