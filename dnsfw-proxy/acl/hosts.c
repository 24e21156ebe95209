/* Which addresses are one host.  All that is read of an image is inside of it. */
#include "hosts.h"

#include <string.h>

#include "layout.h"

#define KEY_SIZE offsetof(struct image_member, pad)

static struct addr_net
member_net(const struct image_member *m)
{
	struct addr_net net = { .base.family = m->family, .prefix = m->prefix };

	memcpy(net.base.bytes, m->base, sizeof(m->base));
	return (net);
}

/* The one with exactly that base, masked, and prefix length; NULL: none. */
static const struct image_member *
find_member(const struct acl_image *image, const struct addr *base,
    unsigned int prefix)
{
	const struct image_member *members = image_members(image);
	struct image_member key = { .family = base->family,
	    .prefix = (uint8_t)prefix };
	uint32_t low = 0, high = image->nmembers, mid;
	int order;

	memcpy(key.base, base->bytes, sizeof(key.base));
	while (low < high) {
		mid = low + (high - low) / 2;
		order = memcmp(&key, &members[mid], KEY_SIZE);
		if (order == 0)
			return (&members[mid]);
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return (NULL);
}

bool
acl_host_of(const struct acl_image *image, const struct addr *client,
    uint32_t *host)
{
	const struct image_member *m;
	struct addr net = *client;

	if (image->nmembers == 0)
		return (false);
	m = find_member(image, client,
	    (unsigned int)addr_len(client->family) * 8);
	if (m == NULL && client->family == ADDR_V6) {
		addr_mask(&net, HOST_NET);
		m = find_member(image, &net, HOST_NET);
	}
	if (m == NULL || m->host >= image->nmembers)
		return (false);
	*host = m->host;
	return (true);
}

unsigned int
acl_host_list(const struct acl_image *image, uint32_t host,
    struct addr_net out[ACL_HOST_MAX])
{
	const struct image_member *members = image_members(image);
	unsigned int n = 0;
	uint32_t at = host;

	while (at < image->nmembers && n < ACL_HOST_MAX) {
		out[n++] = member_net(&members[at]);
		if ((at = members[at].next) == 0)
			break;
	}
	return (n);
}

bool
acl_host_first(const struct acl_image *image, struct addr *client)
{
	uint32_t host;

	if (!acl_host_of(image, client, &host))
		return (false);
	*client = member_net(&image_members(image)[host]).base;
	return (true);
}

bool
acl_hosts_at(const struct acl_image *image, uint32_t i, struct addr_net *out,
    uint32_t *host)
{
	if (i >= image->nmembers)
		return (false);
	*out = member_net(&image_members(image)[i]);
	*host = image_members(image)[i].host;
	return (true);
}
