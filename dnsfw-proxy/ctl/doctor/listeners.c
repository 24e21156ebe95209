/* Other servers of DNS on this host. */
#include "listeners.h"

#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "command.h"
#include "shut.h"

#define TCP_LISTENS	0x0a	/* state, in /proc/net */
#define STEPS_MAX	2000000ULL	/* rules that are looked at for an address */

/* "0100007F:0035": words as the host has them in memory. */
static bool
parse_place(const char *text, uint8_t family, struct addr *a,
    unsigned int *port)
{
	size_t words = addr_len(family) / sizeof(uint32_t), i;
	uint32_t word;

	*a = (struct addr){ .family = family };
	for (i = 0; i < words; i++, text += 8) {
		if (sscanf(text, "%8x", &word) != 1)
			return (false);
		memcpy(a->bytes + i * sizeof(word), &word, sizeof(word));
	}
	addr_unmap(a);
	return (sscanf(text, ":%4x", port) == 1);
}

static bool
is_dnsfws(const struct settings *s, const struct addr *a, unsigned int port)
{
	size_t i;

	for (i = 0; i < s->nbinds; i++)
		if (port == s->port && addr_equal(a, &s->binds[i]))
			return (true);
	return (false);
}

static bool
is_any(const struct addr *a)
{
	const struct addr any = { .family = a->family };

	return (addr_equal(a, &any));
}

enum reach { NOT, PERHAPS, SURELY };

struct look {
	const struct settings *s;
	const struct model *m;		/* or NULL */
	const struct ways_world *w;
	struct findings *f;
	/* What listens. */
	struct addr	at;
	uint8_t		proto;
	unsigned int	port;
	struct shut	v4, v6;		/* where clients reach it for sure */
};

/* Do clients reach it at that address of this host? */
static enum reach
reach_address(struct look *l, const struct addr *a)
{
	struct shut *shut = a->family == ADDR_V4 ? &l->v4 : &l->v6;
	uint64_t steps = STEPS_MAX;
	enum reach reach = NOT;
	struct judge_packet p;
	struct judgement j;
	size_t i;

	for (i = 0; ways_packet(l->w, i, a->family, l->proto,
	    (uint16_t)l->port, &p); i++) {
		p.oif = "";
		p.daddr = *a;
		judge_local(l->m, &p, &steps, &j);
		if (steps == 0)
			return (PERHAPS);
		if (j.end == JUDGE_ACCEPTED && addr_equal(&j.daddr, a)) {
			if (shut->n == 0)
				shut->by = p;
			shut->at[shut->n++] = *a;
			return (SURELY);
		}
		if (j.unsure != MODEL_NONE)
			reach = PERHAPS;
	}
	return (reach);
}

/* :: is all addresses of IPv4 as well, but for who wants it otherwise. */
static bool
listens_at(const struct look *l, const struct addr *a)
{
	if (!is_any(&l->at))
		return (addr_equal(&l->at, a));
	return ((l->at.family == ADDR_V6 || a->family == ADDR_V4) &&
	    !addr_is_loopback(a) && !is_dnsfws(l->s, a, l->port));
}

static enum reach
reach(struct look *l)
{
	enum reach best = NOT, one;
	bool found = false;
	size_t i;

	l->v4.n = l->v6.n = 0;
	if (l->m == NULL)
		return (PERHAPS);
	for (i = 0; i < l->m->nown; i++) {
		if (!listens_at(l, &l->m->own[i]))
			continue;
		found = true;
		one = reach_address(l, &l->m->own[i]);
		if (one > best)
			best = one;
	}
	/* One that is not this host's is not judged. */
	return (found || is_any(&l->at) ? best : PERHAPS);
}

static void
tell_of(struct look *l)
{
	const enum reach how = reach(l);
	struct command mend = { .len = 0 };
	char text[ADDR_TEXT_MAX];

	if (how == NOT)
		return;
	if (how == SURELY) {
		shut_add(&mend, l->m, &l->s->guard, &l->v4);
		shut_add(&mend, l->m, &l->s->guard, &l->v6);
	} else
		command_add(&mend, COMMAND_LISTENERS,
		    l->proto == IPPROTO_TCP ? 't' : 'u', l->port);
	findings_add(l->f, how == SURELY ? WARNING : NOTE, "resolver",
	    command_text(&mend), "another program of this host listens at %s "
	    "%s port %u; %s", addr_print(&l->at, text), l->proto ==
	    IPPROTO_TCP ? "TCP" : "UDP", l->port, how == SURELY ?
	    "clients reach it, and it answers them without dnsfw" :
	    "it is not known whether clients reach it: then it answers them "
	    "without dnsfw");
}

static void
look_at_file(struct look *l, const char *path, uint8_t family, uint8_t proto)
{
	char line[256], place[64];
	FILE *from = fopen(path, "re");
	unsigned int state;

	l->proto = proto;
	while (from != NULL && fgets(line, sizeof(line), from) != NULL)
		if (sscanf(line, " %*d: %63s %*s %x", place, &state) == 2 &&
		    parse_place(place, family, &l->at, &l->port) &&
		    (l->port == 53 || l->port == 853) &&
		    (proto != IPPROTO_TCP || state == TCP_LISTENS) &&
		    !addr_is_loopback(&l->at) &&
		    !is_dnsfws(l->s, &l->at, l->port))
			tell_of(l);
	if (from != NULL)
		fclose(from);
}

void
listeners_look(const struct settings *s, const struct model *m,
    const struct ways_world *w, struct findings *f)
{
	static struct look l;

	l = (struct look){ .s = s, .m = m, .w = w, .f = f };

	look_at_file(&l, "/proc/net/udp", ADDR_V4, IPPROTO_UDP);
	look_at_file(&l, "/proc/net/tcp", ADDR_V4, IPPROTO_TCP);
	look_at_file(&l, "/proc/net/udp6", ADDR_V6, IPPROTO_UDP);
	look_at_file(&l, "/proc/net/tcp6", ADDR_V6, IPPROTO_TCP);
}
