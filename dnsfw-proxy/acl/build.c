/* An image under construction. */
#include "build.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MAX	(1U << 30)	/* things of an array */

void
build_report(struct build *b, unsigned int line, size_t at, const char *text)
{
	b->failed = true;
	b->error(b->arg, line, line == 0 ? 0 : (unsigned int)at + 1, text);
}

bool
build_end(struct build *b, const char *text)
{
	b->ended = true;
	build_report(b, 0, 0, text);
	return (false);
}

bool
build_room(struct build *b, void *array, uint64_t n, uint32_t *max,
    size_t size)
{
	uint32_t more = *max;
	void *old, *new;

	if (n <= *max)
		return (true);
	while (more < n && more <= ROOM_MAX)
		more = more == 0 ? 64 : 2 * more;
	if (more > ROOM_MAX)
		return (build_end(b, "the list is too large"));
	memcpy(&old, array, sizeof(old));
	new = reallocarray(old, more, size);
	if (new == NULL)
		return (build_end(b, "out of memory"));
	memcpy(array, &new, sizeof(new));
	*max = more;
	return (true);
}

bool
build_rehash(struct build *b, uint32_t **slots, uint32_t max, uint32_t n,
    uint64_t (*hash)(const struct build *, uint32_t i))
{
	uint32_t i, at, nslots = 2 * max;

	free(*slots);
	*slots = calloc(nslots, sizeof(**slots));
	if (*slots == NULL)
		return (build_end(b, "out of memory"));
	for (i = 0; i < n; i++) {
		at = image_place(hash(b, i), nslots);
		while ((*slots)[at] != 0)
			at = slot_after(at, nslots);
		(*slots)[at] = i + 1;
	}
	return (true);
}
