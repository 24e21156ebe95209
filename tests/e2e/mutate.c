/* Messages that are nearly right. */
#include "mutate.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX	4
#define INSERT_MAX	8

struct seed {
	uint8_t	*octets;
	size_t	 len;
};

static struct seed *seeds;
static size_t nseeds;
static uint64_t state;

void
mutate_init(uint64_t seed)
{
	state = seed;
}

/* splitmix64: a counter, mixed. */
static uint64_t
draw(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15U);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return (z ^ z >> 31);
}

size_t
mutate_below(size_t n)
{
	return ((size_t)(draw() % n));
}

void
mutate_load(const char *path)
{
	struct seed s;
	uint32_t head;
	FILE *f;

	if ((f = fopen(path, "rb")) == NULL)
		err(1, "%s", path);
	while (fread(&head, sizeof(head), 1, f) == 1) {
		s.len = ntohl(head);
		if (s.len > MUTATE_MAX || (s.octets = malloc(s.len + 1)) ==
		    NULL || fread(s.octets, 1, s.len, f) != s.len)
			errx(1, "%s: broken", path);
		if (nseeds % 1024 == 0) {
			seeds = reallocarray(seeds, nseeds + 1024,
			    sizeof(*seeds));
			if (seeds == NULL)
				err(1, "reallocarray");
		}
		seeds[nseeds++] = s;
	}
	if (ferror(f) || nseeds == 0)
		errx(1, "%s: no messages", path);
	fclose(f);
}

size_t
mutate_seed(int response, uint8_t out[MUTATE_MAX])
{
	const struct seed *s = &seeds[mutate_below(nseeds)];

	memcpy(out, s->octets, s->len);
	if (s->len > 2)
		out[2] = (uint8_t)((out[2] & 0x7f) | (response ? 0x80 : 0));
	return (s->len);
}

/* Values at the borders of what fields hold. */
static uint8_t
odd_octet(void)
{
	static const uint8_t odd[] = { 0x00, 0x01, 0x0c, 0x29, 0x3f, 0x40,
	    0x7f, 0x80, 0xc0, 0xff };

	return (odd[mutate_below(sizeof(odd))]);
}

static size_t
insert(uint8_t *msg, size_t len, size_t at)
{
	size_t n = 1 + mutate_below(INSERT_MAX), i;

	if (n > MUTATE_MAX - len)
		return (len);
	memmove(msg + at + n, msg + at, len - at);
	for (i = 0; i < n; i++)
		msg[at + i] = (uint8_t)draw();
	return (len + n);
}

static size_t
take_out(uint8_t *msg, size_t len, size_t at)
{
	size_t n = 1 + mutate_below(INSERT_MAX);

	/* Sometimes all of the end. */
	if (n > len - at || mutate_below(8) == 0)
		n = len - at;
	memmove(msg + at, msg + at + n, len - at - n);
	return (len - n);
}

/* A compression pointer to anywhere before it. */
static void
point(uint8_t *msg, size_t len, size_t at)
{
	size_t to = mutate_below(at + 1);

	if (at + 2 > len)
		return;
	msg[at] = (uint8_t)(0xc0 | (to >> 8 & 0x3f));
	msg[at + 1] = (uint8_t)to;
}

static void
move(uint8_t *msg, size_t len, size_t at, size_t keep)
{
	size_t from = keep + mutate_below(len - keep), n;

	n = 1 + mutate_below(len - (from > at ? from : at));
	memmove(msg + at, msg + from, n);
}

static size_t
change(uint8_t *msg, size_t len, size_t keep)
{
	size_t at;

	if (len <= keep)
		return (len == MUTATE_MAX ? len : insert(msg, len, len));
	at = keep + mutate_below(len - keep);
	switch (mutate_below(7)) {
	case 0:
		msg[at] ^= (uint8_t)(1U << mutate_below(8));
		return (len);
	case 1:
		msg[at] = odd_octet();
		return (len);
	case 2:
		msg[at] = (uint8_t)draw();
		return (len);
	case 3:
		return (insert(msg, len, at));
	case 4:
		return (take_out(msg, len, at));
	case 5:
		point(msg, len, at);
		return (len);
	default:
		move(msg, len, at, keep);
		return (len);
	}
}

size_t
mutate(uint8_t msg[MUTATE_MAX], size_t len, size_t keep)
{
	size_t changes = 1 + mutate_below(CHANGES_MAX);

	while (changes-- > 0)
		len = change(msg, len, keep);
	return (len);
}
