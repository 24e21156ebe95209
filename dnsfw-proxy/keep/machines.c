/* Machines and their addresses: hash tables with chains, from fixed pools. */
#include "machines.h"

#include <sys/queue.h>

#include <string.h>

#include "choice.h"
#include "hash.h"
#include "hosts.h"

#define BUCKETS		4096	/* of both tables; power of two */

LIST_HEAD(machine_list, machine);
LIST_HEAD(member_list, machine_addr);

struct machine {
	LIST_ENTRY(machine) same;	/* hash: link; or not in use */
	struct member_list members;
	struct machines_link link;
	uint32_t	number;		/* no other one has had it */
	unsigned int	n;
};

/* An address; it is there until all workers know that it is of no machine. */
struct machine_addr {
	LIST_ENTRY(machine_addr) same;	/* hash: address; or not in use */
	LIST_ENTRY(machine_addr) beside;	/* of the machine */
	struct machine	*machine;	/* or NULL */
	struct addr	addr;
	uint32_t	listing;	/* the last one that had it */
	uint32_t	untold;		/* a bit for each worker */
	uint64_t	stale;		/* the larger the later; 0: it is not */
};
static_assert(MSG_WORKERS_MAX <= 32, "a bit for each worker");

static struct machine machine_pool[MSG_NEIGHBOURS_MAX];
static struct machine_addr member_pool[MSG_NEIGHBOURS_MAX];
static struct machine_list machine_buckets[BUCKETS], free_machines;
static struct member_list member_buckets[BUCKETS], free_members;
static unsigned int machine_workers;
static unsigned int untold_count[MSG_WORKERS_MAX], hands[MSG_WORKERS_MAX];
static uint32_t machine_listing, last_machine;
static uint64_t last_stale;
static unsigned int machine_count;	/* addresses that are of one */
static bool turned_away, room_came;	/* since the listing began */

void
machines_open(unsigned int workers)
{
	size_t i;

	machine_workers = workers;
	for (i = 0; i < MSG_NEIGHBOURS_MAX; i++) {
		LIST_INSERT_HEAD(&free_machines, &machine_pool[i], same);
		LIST_INSERT_HEAD(&free_members, &member_pool[i], same);
	}
}

/* --- addresses --- */

static struct member_list *
member_bucket(const struct addr *a)
{
	return (&member_buckets[hash_bytes(a, sizeof(*a)) & (BUCKETS - 1)]);
}

static struct machine_addr *
member_find(const struct addr *a)
{
	struct machine_addr *s;

	LIST_FOREACH(s, member_bucket(a), same)
		if (addr_equal(&s->addr, a))
			break;
	return (s);
}

/* NULL: all are in use. */
static struct machine_addr *
member_new(const struct addr *a)
{
	struct machine_addr *s = LIST_FIRST(&free_members);

	if (s == NULL)
		return (NULL);
	LIST_REMOVE(s, same);
	s->addr = *a;
	s->machine = NULL;
	s->untold = 0;
	s->stale = 0;
	LIST_INSERT_HEAD(member_bucket(a), s, same);
	return (s);
}

/* All workers are to be told of it. */
static void
member_changed(struct machine_addr *s)
{
	unsigned int w;

	for (w = 0; w < machine_workers; w++) {
		untold_count[w] += (s->untold >> w & 1) == 0;
		s->untold |= 1U << w;
	}
}

/* One worker has been. */
static void
member_told(struct machine_addr *s, unsigned int worker)
{
	s->untold &= ~(1U << worker);
	untold_count[worker]--;
	if (s->untold != 0 || s->machine != NULL)
		return;
	LIST_REMOVE(s, same);
	room_came |= LIST_EMPTY(&free_members);
	LIST_INSERT_HEAD(&free_members, s, same);
}

/* --- machines --- */

static struct machine_list *
machine_bucket(const struct machines_link *link)
{
	return (&machine_buckets[hash_bytes(link, sizeof(*link)) &
	    (BUCKETS - 1)]);
}

static struct machine *
machine_find(const struct machines_link *link)
{
	struct machine *m;

	LIST_FOREACH(m, machine_bucket(link), same)
		if (memcmp(&m->link, link, sizeof(*link)) == 0)
			break;
	return (m);
}

/* There are as many as addresses, and each has one. */
static struct machine *
machine_new(const struct machines_link *link)
{
	struct machine *m = LIST_FIRST(&free_machines);

	LIST_REMOVE(m, same);
	*m = (struct machine){ .link = *link };
	if (++last_machine == 0)
		last_machine = 1;
	m->number = last_machine;
	LIST_INSERT_HEAD(machine_bucket(link), m, same);
	return (m);
}

static void
leave_machine(struct machine_addr *s)
{
	struct machine *m = s->machine;

	LIST_REMOVE(s, beside);
	s->machine = NULL;
	machine_count--;
	member_changed(s);
	if (--m->n > 0)
		return;
	LIST_REMOVE(m, same);
	LIST_INSERT_HEAD(&free_machines, m, same);
}

/* Who has been stale for the longest goes for one that is not. */
static bool
make_machine_room(struct machine *m, bool stale)
{
	struct machine_addr *s, *longest = NULL;

	LIST_FOREACH(s, &m->members, beside)
		if (s->stale != 0 && (longest == NULL ||
		    s->stale < longest->stale))
			longest = s;
	turned_away = true;
	if (stale || longest == NULL)
		return (false);
	leave_machine(longest);
	return (true);
}

/* The listing has it, in that state. */
static void
member_seen(struct machine_addr *s, bool stale)
{
	s->listing = machine_listing;
	if (!stale)
		s->stale = 0;
	else if (s->stale == 0)
		s->stale = ++last_stale;
}

static void
join_machine(struct machine_addr *s, struct machine *m)
{
	LIST_INSERT_HEAD(&m->members, s, beside);
	s->machine = m;
	m->n++;
	machine_count++;
	member_changed(s);
}

/* --- what the kernel says --- */

void
machines_list(void)
{
	machine_listing++;
	turned_away = room_came = false;
}

void
machines_listed(void)
{
	struct machine_addr *s;

	for (s = member_pool; s < member_pool + MSG_NEIGHBOURS_MAX; s++)
		if (s->machine != NULL && s->listing != machine_listing) {
			leave_machine(s);
			room_came = true;
		}
}

void
machines_put(const struct machines_link *link, const struct addr *a, bool stale)
{
	struct machine *m = machine_find(link);
	struct machine_addr *s = member_find(a);

	if (s != NULL && s->machine != NULL) {
		if (s->machine->link.interface != link->interface) {
			turned_away = true;
			return;
		}
		if (s->machine == m) {
			member_seen(s, stale);
			return;
		}
		leave_machine(s);
		room_came = true;
	}
	if (m != NULL && m->n == MSG_MACHINE_MAX && !make_machine_room(m, stale))
		return;
	if (s == NULL && (s = member_new(a)) == NULL) {
		turned_away = true;
		return;
	}
	member_seen(s, stale);
	join_machine(s, m != NULL ? m : machine_new(link));
}

void
machines_remove(uint32_t interface, const struct addr *a)
{
	struct machine_addr *s = member_find(a);

	if (s != NULL && s->machine != NULL &&
	    s->machine->link.interface == interface) {
		leave_machine(s);
		room_came = true;
	}
}

bool
machines_may_more(void)
{
	return (turned_away && room_came);
}

/* --- who is one client --- */

/* The machine of a client that is of no host, or NULL. */
static const struct machine *
machine_of(const struct addr *client)
{
	const struct machine_addr *s;
	struct addr a = *client;

	if (machine_count == 0 || (s = member_find(client)) == NULL ||
	    hosts_first(&a))
		return (NULL);
	return (s->machine);
}

/* The next address of it that is of no host; NULL: there are no more. */
static const struct machine_addr *
no_host_from(const struct machine_addr *s)
{
	struct addr a;

	for (; s != NULL; s = LIST_NEXT(s, beside)) {
		a = s->addr;
		if (!hosts_first(&a))
			break;
	}
	return (s);
}

bool
machines_reach(const struct addr *client, unsigned int worker)
{
	const struct machine *m = machine_of(client);
	const struct machine_addr *s;

	if (m == NULL)
		return (false);
	for (s = no_host_from(LIST_FIRST(&m->members)); s != NULL;
	    s = no_host_from(LIST_NEXT(s, beside)))
		if (choice_worker(s->addr.family, s->addr.bytes,
		    machine_workers) == worker)
			return (true);
	return (false);
}

bool
machines_first(struct addr *client)
{
	const struct machine *m = machine_of(client);
	const struct machine_addr *s;

	if (m == NULL)
		return (false);
	for (s = no_host_from(LIST_FIRST(&m->members)); s != NULL;
	    s = no_host_from(LIST_NEXT(s, beside)))
		if (memcmp(&s->addr, client, sizeof(*client)) < 0)
			*client = s->addr;
	return (true);
}

/* --- what the workers are told --- */

bool
machines_wait(unsigned int worker)
{
	return (untold_count[worker] > 0);
}

size_t
machines_tell(unsigned int worker, struct msg_neighbour out[MSG_BATCH_MAX])
{
	struct machine_addr *s;
	size_t n = 0;

	while (n < MSG_BATCH_MAX && untold_count[worker] > 0) {
		s = &member_pool[hands[worker]++ % MSG_NEIGHBOURS_MAX];
		if ((s->untold >> worker & 1) == 0)
			continue;
		out[n] = (struct msg_neighbour){ .type = MSG_NEIGHBOUR,
		    .family = s->addr.family,
		    .machine = s->machine == NULL ? 0 : s->machine->number };
		memcpy(out[n++].client, s->addr.bytes, sizeof(out[0].client));
		member_told(s, worker);
	}
	return (n);
}

unsigned int
machines_count(void)
{
	return (machine_count);
}
