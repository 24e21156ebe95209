/* Addresses of machines: two hash tables with chains, by address and by machine. */
#include "kin.h"

#include <sys/queue.h>

#include <string.h>

#include "../acl/hosts.h"
#include "../dns/name.h"
#include "hash.h"
#include "log.h"

#define BUCKETS	4096		/* of each; power of two */

LIST_HEAD(kin_list, kin);

struct kin {
	LIST_ENTRY(kin)	same;	/* hash: address; or not in use */
	LIST_ENTRY(kin)	beside;	/* hash: machine */
	struct addr	addr;
	uint32_t	machine;
};

static struct kin kin_pool[MSG_NEIGHBOURS_MAX];
static struct kin_list by_addr[BUCKETS], by_machine[BUCKETS], free_kin;
static unsigned int kin_fresh;		/* never used ones begin there */

static struct kin_list *
addr_bucket(const struct addr *a)
{
	return (&by_addr[hash_bytes(a, sizeof(*a)) & (BUCKETS - 1)]);
}

static struct kin_list *
machine_bucket_of(uint32_t machine)
{
	return (&by_machine[machine & (BUCKETS - 1)]);
}

static struct kin *
kin_find(const struct addr *a)
{
	struct kin *k;

	if (kin_fresh == 0)
		return (NULL);
	LIST_FOREACH(k, addr_bucket(a), same)
		if (addr_equal(&k->addr, a))
			break;
	return (k);
}

static void
kin_drop(struct kin *k)
{
	LIST_REMOVE(k, same);
	LIST_REMOVE(k, beside);
	LIST_INSERT_HEAD(&free_kin, k, same);
}

static void
kin_add(const struct addr *a, uint32_t machine)
{
	struct kin *k = LIST_FIRST(&free_kin);

	if (k != NULL)
		LIST_REMOVE(k, same);
	else if (kin_fresh < MSG_NEIGHBOURS_MAX)
		k = &kin_pool[kin_fresh++];
	else
		fatalx("the keeper tells of too many neighbours");
	k->addr = *a;
	k->machine = machine;
	LIST_INSERT_HEAD(addr_bucket(a), k, same);
	LIST_INSERT_HEAD(machine_bucket_of(machine), k, beside);
}

void
kin_take(const struct msg_neighbour *m)
{
	struct addr a = { .family = m->family };
	struct kin *k;

	memcpy(a.bytes, m->client, sizeof(a.bytes));
	if ((k = kin_find(&a)) != NULL)
		kin_drop(k);
	if (m->machine != 0)
		kin_add(&a, m->machine);
}

/* Does the list have it in a host? */
static bool
is_of_host(const struct acl_image *image, const struct addr *a)
{
	uint32_t host;

	return (image != NULL && acl_host_of(image, a, &host));
}

/* What is told in passing may be more than a machine has at once. */
unsigned int
kin_list(const struct acl_image *image, const struct addr *client,
    struct addr out[KIN_MAX])
{
	const struct kin *own = kin_find(client), *k;
	unsigned int n = 0;

	if (own == NULL || is_of_host(image, client))
		return (0);
	LIST_FOREACH(k, machine_bucket_of(own->machine), beside)
		if (k->machine == own->machine && n < KIN_MAX &&
		    !is_of_host(image, &k->addr))
			out[n++] = k->addr;
	return (n);
}

void
kin_first(const struct acl_image *image, struct addr *client)
{
	DNS_UNINITIALIZED struct addr all[KIN_MAX];
	unsigned int i, n = kin_list(image, client, all);

	for (i = 0; i < n; i++)
		if (memcmp(&all[i], client, sizeof(*client)) < 0)
			*client = all[i];
}

bool
kin_are_one(const struct acl_image *image, const struct addr *a,
    const struct addr *b)
{
	const struct kin *one = kin_find(a), *other = kin_find(b);

	return (one != NULL && other != NULL && one->machine == other->machine &&
	    !is_of_host(image, a) && !is_of_host(image, b));
}
