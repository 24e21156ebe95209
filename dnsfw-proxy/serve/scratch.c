/* Room for what a function needs until it returns. */
#include "scratch.h"

#include <stdalign.h>
#include <stdint.h>

#include "log.h"

#define ALIGN	alignof(max_align_t)

/* Before each piece that is taken: where the one before it ends. */
struct piece {
	alignas(max_align_t) size_t before;
};

/* Pages of it that nobody has needed yet cost nothing. */
static alignas(max_align_t) uint8_t arena[SCRATCH_SIZE];
static size_t scratch_end;		/* of what is taken */
static size_t newest;			/* where its octets begin, or 0 */

void *
scratch_take(size_t size)
{
	size_t at = scratch_end + sizeof(struct piece);

	if (at > SCRATCH_SIZE || size > SCRATCH_SIZE - at)
		fatalx("scratch: %zu octets are not there", size);
	((struct piece *)(void *)&arena[scratch_end])->before = newest;
	newest = at;
	scratch_end = at + (size + ALIGN - 1) / ALIGN * ALIGN;
	return (&arena[at]);
}

void
scratch_give(void *at)
{
	if (newest == 0 || at != &arena[newest])
		fatalx("scratch: not the newest is given back");
	scratch_end = newest - sizeof(struct piece);
	newest = ((struct piece *)(void *)&arena[scratch_end])->before;
}
