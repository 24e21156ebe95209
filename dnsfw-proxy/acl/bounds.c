/* What the -> rules of an image can grant at all (P7). */
#include "bounds.h"

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "layout.h"

#define PORTS		65536U
#define KEYS		(2 * PORTS)	/* of both protocols */

/* The distinct protocols and ports, as keys, grouped by set. */
struct groups {
	uint32_t	*start;		/* of each set's group in keys */
	uint32_t	*count;		/* of the keys of each group */
	uint32_t	*keys;
	uint8_t		*seen;		/* a bit for each key */
};

static uint32_t
port_key(const struct image_port *port)
{
	return (port->proto == IPPROTO_TCP ? port->port : PORTS + port->port);
}

/* Count what each set has, before duplicates go; returns the sum. */
static uint32_t
count_ports(const struct acl_image *image, uint32_t *count)
{
	const struct image_record *r;
	uint64_t at = image_records_offset(image);
	uint32_t sum;

	for (sum = 0; (r = image_record(image, at)) != NULL;
	    at += image_record_size(r)) {
		count[r->set] += r->nports;
		sum += r->nports;
	}
	return (sum);
}

/* Sort the ports of all records into their set's group. */
static void
fill_groups(const struct acl_image *image, struct groups *g)
{
	const struct image_record *r;
	const struct image_port *ports;
	uint64_t at = image_records_offset(image);
	uint32_t i, j, sum;

	for (i = sum = 0; i < image->nsets; i++) {
		g->start[i] = sum;
		sum += g->count[i];
		g->count[i] = 0;
	}
	for (; (r = image_record(image, at)) != NULL;
	    at += image_record_size(r)) {
		ports = image_record_ports(r);
		for (j = 0; j < r->nports; j++)
			g->keys[g->start[r->set] + g->count[r->set]++] =
			    port_key(&ports[j]);
	}
}

/* Keep one of each key of a group. */
static void
unique(uint32_t *keys, uint32_t *count, uint8_t *seen)
{
	uint32_t i, n, key;

	for (i = n = 0; i < *count; i++) {
		key = keys[i];
		if (seen[key / 8] & 1U << key % 8)
			continue;
		seen[key / 8] |= (uint8_t)(1U << key % 8);
		keys[n++] = key;
	}
	for (i = 0; i < n; i++)
		seen[keys[i] / 8] = 0;
	*count = n;
}

static bool
groups_make(const struct acl_image *image, struct groups *g)
{
	uint32_t i, sum;

	/* One more than needed, since there may be none at all. */
	g->start = calloc((size_t)image->nsets + 1, sizeof(*g->start));
	g->count = calloc((size_t)image->nsets + 1, sizeof(*g->count));
	g->seen = calloc(KEYS / 8, 1);
	if (g->start == NULL || g->count == NULL || g->seen == NULL)
		return (false);
	sum = count_ports(image, g->count);
	g->keys = calloc((size_t)sum + 1, sizeof(*g->keys));
	if (g->keys == NULL)
		return (false);
	fill_groups(image, g);
	for (i = 0; i < image->nsets; i++)
		unique(g->keys + g->start[i], &g->count[i], g->seen);
	return (true);
}

/* How many triples there are if groups of more than limit become one. */
static uint64_t
total(const struct acl_image *image, const struct groups *g, uint32_t limit)
{
	const struct image_subnet *s = image_subnets(image);
	uint64_t sum;
	uint32_t i, count;

	for (sum = i = 0; i < image->nsubnets; i++) {
		count = g->count[s[i].set];
		sum += count > limit ? 1 : count;
	}
	return (sum);
}

static size_t
report_groups(const struct acl_image *image, const struct groups *g,
    uint32_t limit, acl_bound_fn *bound, void *arg)
{
	const struct image_subnet *s = image_subnets(image);
	const uint32_t *keys;
	struct addr_net net;
	size_t reported;
	uint32_t i, j;

	for (reported = i = 0; i < image->nsubnets; i++, s++) {
		net.base.family = s->family;
		memcpy(net.base.bytes, s->base, sizeof(s->base));
		net.prefix = s->prefix;
		if (g->count[s->set] > limit) {
			bound(arg, &net, 0, 0);
			reported++;
			continue;
		}
		keys = g->keys + g->start[s->set];
		for (j = 0; j < g->count[s->set]; j++)
			bound(arg, &net, keys[j] < PORTS ? IPPROTO_TCP :
			    IPPROTO_UDP, (uint16_t)(keys[j] % PORTS));
		reported += g->count[s->set];
	}
	return (reported);
}

/* The last resort: anything, for each family that some -> rule has. */
static size_t
report_families(const struct acl_image *image, acl_bound_fn *bound, void *arg)
{
	const struct image_subnet *s = image_subnets(image);
	struct addr_net net = { .prefix = 0 };
	bool has[IMAGE_FAMILIES] = { false };
	size_t reported = 0;
	uint32_t i;

	for (i = 0; i < image->nsubnets; i++, s++)
		if (s->grants)
			has[s->family == ADDR_V4 ? IMAGE_V4 : IMAGE_V6] = true;
	for (i = 0; i < IMAGE_FAMILIES; i++) {
		if (!has[i])
			continue;
		net.base.family = i == IMAGE_V4 ? ADDR_V4 : ADDR_V6;
		bound(arg, &net, 0, 0);
		reported++;
	}
	return (reported);
}

size_t
acl_bounds(const struct acl_compiled *c, size_t max, acl_bound_fn *bound,
    void *arg, int *coarsened)
{
	const struct acl_image *image = c->image;
	struct groups g = { .keys = NULL };
	uint32_t limit = KEYS;
	size_t reported;

	*coarsened = 1;
	if (groups_make(image, &g)) {
		/* The largest groups give up their detail first. */
		while (limit > 0 && total(image, &g, limit) > max)
			limit /= 2;
		*coarsened = limit != KEYS;
	} else
		limit = 0;
	if (limit > 0)
		reported = report_groups(image, &g, limit, bound, arg);
	else
		reported = report_families(image, bound, arg);
	free(g.start);
	free(g.count);
	free(g.keys);
	free(g.seen);
	return (reported);
}
