/* Connections of grants. */
#include "connections.h"

#include "clock.h"
#include "log.h"
#include "own.h"

#define SLICE		(CLOCK_SECOND / 1000)	/* of a step */
#define AGAIN_MAX	3	/* walks, if something breaks them */
#define AGAIN_PERIOD	(CLOCK_SECOND / 10)
/*
 * From walk to walk for who watches.  The kernel keeps a connection that has ended
 * for ten seconds at least; and these walks have a quarter of the time.
 */
#define WATCH_PERIOD	(2 * CLOCK_SECOND)

/* Those who ask, and what has become of them at the end of a walk. */
struct walk {
	struct conntrack *track;
	size_t		kills, looks;
};

static struct walk walks[2];
static struct walk *gathering = &walks[0], *walking = &walks[1];
static bool opened, under_way;
static unsigned int broken;		/* how often, this one */
static uint64_t next_step, walk_began;
static conntrack_each *on_each;		/* NULL: nobody watches */
static uint64_t next_watch;
static size_t kills_max, looks_max;
static connections_seen *on_seen;
static uint64_t ended, failed_count;

void
connections_open(size_t kills, size_t looks, connections_seen *seen)
{
	size_t i;

	kills_max = kills;
	looks_max = looks;
	on_seen = seen;
	for (i = 0; i < 2; i++)
		walks[i].track = conntrack_new(kills + looks, own_has);
	conntrack_check(walking->track);
	conntrack_clear(walking->track);
	opened = true;
}

void
connections_watch(conntrack_each *fn)
{
	on_each = fn;
}

bool
connections_kill(const struct msg_grant *g)
{
	if (gathering->kills == kills_max ||
	    conntrack_ask(gathering->track, g, true) == -1)
		return (false);
	gathering->kills++;
	return (true);
}

bool
connections_look(const struct msg_grant *g)
{
	if (gathering->looks == looks_max ||
	    conntrack_ask(gathering->track, g, false) == -1)
		return (false);
	gathering->looks++;
	return (true);
}

bool
connections_live(const struct msg_grant *g)
{
	return (conntrack_is_live(walking->track, g));
}

bool
connections_due(void)
{
	if (!opened)
		return (false);
	if (under_way)
		return (true);
	return (gathering->kills + gathering->looks > 0 ||
	    (on_each != NULL && clock_now() >= next_watch));
}

int
connections_wait(void)
{
	uint64_t now = clock_now();

	if (connections_due())
		return (connections_fd() == -1 ? 1 : 100);
	/* Without a firewall there is nobody who could list them. */
	if (!opened || on_each == NULL)
		return (-1);
	return (now >= next_watch ? 0 :
	    (int)((next_watch - now) / (CLOCK_SECOND / 1000)) + 1);
}

int
connections_fd(void)
{
	return (under_way && clock_now() >= next_step ?
	    conntrack_fd(walking->track) : -1);
}

static void
begin_walk(void)
{
	struct walk *w = gathering;

	gathering = walking;
	walking = w;
	under_way = true;
	walk_began = clock_now();
	conntrack_watch(walking->track, on_each);
	broken = 0;
}

static void
end_walk(bool known)
{
	uint64_t now = clock_now(), pause = 3 * (now - walk_began);

	next_watch = now + (pause > WATCH_PERIOD ? pause : WATCH_PERIOD);
	ended += conntrack_killed(walking->track);
	failed_count += conntrack_failed(walking->track);
	if (walking->looks > 0)
		on_seen(known);
	conntrack_clear(walking->track);
	walking->kills = walking->looks = 0;
	under_way = false;
}

void
connections_step(void)
{
	uint64_t now = clock_now();

	if (!connections_due() || (under_way && now < next_step))
		return;
	if (!under_way)
		begin_walk();
	switch (conntrack_step(walking->track, SLICE)) {
	case LIST_END:
	case LIST_NONE:
		end_walk(true);
		break;
	case LIST_BROKEN:
	case LIST_CHANGED:
		next_step = now + AGAIN_PERIOD;
		if (++broken == AGAIN_MAX)
			end_walk(false);
		break;
	case LIST_MORE:
		break;
	}
}

uint64_t
connections_ended(uint64_t *failed)
{
	uint64_t n = ended;

	*failed = failed_count;
	ended = failed_count = 0;
	return (n);
}

bool
connections_killing(void)
{
	return (gathering->kills > 0 || walking->kills > 0);
}
