/* How long the keeper waits for the helper and for the kernel. */
#include "patience.h"

#include <stddef.h>

#define MS		(CLOCK_SECOND / 1000)
#define PERIOD		100	/* ms */

static void (*patience_meanwhile)(void);	/* NULL: it serves */

void
patience_begin(void (*meanwhile)(void))
{
	patience_meanwhile = meanwhile;
}

void
patience_end(void)
{
	patience_meanwhile = NULL;
}

uint64_t
patience_deadline(uint64_t usual)
{
	return (clock_now() + (patience_meanwhile != NULL ? PATIENCE_START :
	    usual));
}

int
patience_poll(struct pollfd *pfds, nfds_t n, uint64_t deadline)
{
	uint64_t now = clock_now();
	int ms = now < deadline ? (int)((deadline - now) / MS) + 1 : 0, ready;

	if (patience_meanwhile == NULL)
		return (poll(pfds, n, ms));
	ready = poll(pfds, n, ms < PERIOD ? ms : PERIOD);
	if (ready == 0)
		patience_meanwhile();
	return (ready);
}
