/* The bounds of a policy, sorted: so the helper can look them up. */
#include "outlook.h"

#include <fcntl.h>
#include <string.h>

#include "acl/bounds.h"
#include "addrtext.h"
#include "msg.h"
#include "order.h"
#include "sort.h"

static bool wanted;
static struct order_bound bounds[ORDER_BOUNDS_MAX];
static size_t nbounds;

void
outlook_open(void)
{
	wanted = fcntl(MSG_FD_HELPER, F_GETFD) != -1;
}

bool
outlook_wanted(void)
{
	return (wanted);
}

/* True if the subnet contains a loopback address, or lies among them. */
static bool
touches_loopback(const struct addr_net *net)
{
	struct addr loopback = { .family = net->base.family };

	if (net->base.family == ADDR_V4)
		loopback.bytes[0] = 127;
	else
		loopback.bytes[15] = 1;
	return (addr_is_loopback(&net->base) || addr_in_net(&loopback, net));
}

static void
outlook_take(void *arg, const struct addr_net *client, uint8_t proto, uint16_t port)
{
	struct order_bound *b = &bounds[nbounds++];

	(void)arg;
	*b = (struct order_bound){ .type = ORDER_BOUND,
	    .family = client->base.family, .prefix = client->prefix,
	    .proto = proto, .port = port };
	memcpy(b->base, client->base.bytes, sizeof(b->base));
	/* Both families' loopback clients are "this host" (G5). */
	if (touches_loopback(client))
		bounds[nbounds++] = (struct order_bound){ .type = ORDER_BOUND,
		    .proto = proto, .port = port };
}

static int
by_bytes(const void *a, const void *b)
{
	return (memcmp(a, b, sizeof(struct order_bound)));
}

/* Strictly ascending. */
static void
sort_bounds(void)
{
	size_t i, n = 0;

	sort(bounds, nbounds, sizeof(bounds[0]), by_bytes);
	for (i = 0; i < nbounds; i++) {
		if (n == 0 || by_bytes(&bounds[n - 1], &bounds[i]) != 0)
			bounds[n++] = bounds[i];
	}
	nbounds = n;
}

bool
outlook_tell(const struct acl_compiled *compiled,
    void (*send)(int chan, const void *record, size_t len))
{
	struct order_commit commit = { .type = ORDER_COMMIT };
	int coarsened;
	size_t i, n;

	nbounds = 0;
	acl_bounds(compiled, OUTLOOK_MAX, outlook_take, NULL, &coarsened);
	sort_bounds();
	for (i = 0; i < nbounds; i += n) {
		n = nbounds - i < ORDER_BATCH_MAX ? nbounds - i :
		    ORDER_BATCH_MAX;
		send(MSG_FD_HELPER, &bounds[i], n * sizeof(bounds[0]));
	}
	commit.bounds = (uint32_t)nbounds;
	send(MSG_FD_HELPER, &commit, sizeof(commit));
	return (coarsened != 0);
}
