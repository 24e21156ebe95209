/* What is known of the kernel's firewall. */
#include "firewall.h"

#include "clock.h"
#include "conf.h"

#define MS	(CLOCK_SECOND / 1000)

struct firewall firewall;

const char *
firewall_lacking(uint8_t there)
{
	return (there == 0 ? "" : there == MSG_FAMILY_V4 ? " of IPv6" :
	    " of IPv4");
}

bool
firewall_works(const struct msg_grant *g)
{
	return ((firewall.ready & backend_bit(backend_kind(g))) != 0);
}

struct backend_add *
firewall_batch(struct backend_batch *b, const struct msg_grant *g,
    uint64_t left)
{
	struct backend_add *add = &b->adds[b->n++];

	*add = (struct backend_add){ .grant = g, .left = left };
	return (add);
}

void
firewall_limit(struct ledger_entry *e, uint64_t now)
{
	ledger_shorten(firewall.ledger, e, now + conf_limits->left_max * MS);
}

/* What is not even sent (ask_stuck) takes no time. */
static void
transact(void (*act)(struct backend_batch *), struct backend_batch *b)
{
	bool sent = !ask_stuck();
	uint64_t begin = clock_now();

	act(b);
	if (sent)
		histogram_count(&firewall.kernel, HISTOGRAM_KERNEL,
		    clock_now() - begin);
	firewall.transactions++;
}

void
firewall_add(struct backend_batch *b)
{
	transact(firewall.backend->add, b);
}

void
firewall_remove(struct backend_batch *b)
{
	transact(firewall.backend->remove, b);
}
