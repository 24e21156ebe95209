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
build_room(struct build *b, void *array, uint64_t n, uint32_t *max,
    size_t size)
{
	uint32_t more = *max;
	void *old, *new;

	if (n <= *max)
		return (true);
	while (more < n && more <= ROOM_MAX)
		more = more == 0 ? 64 : 2 * more;
	memcpy(&old, array, sizeof(old));
	new = more > ROOM_MAX ? NULL : reallocarray(old, more, size);
	if (new == NULL) {
		build_report(b, 0, 0, more > ROOM_MAX ?
		    "the list is too large" : "out of memory");
		return (false);
	}
	memcpy(array, &new, sizeof(new));
	*max = more;
	return (true);
}
