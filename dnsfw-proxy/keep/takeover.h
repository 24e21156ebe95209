/*
 * Entries that are in the kernel's sets, and what the ledger makes of them: grants
 * of a dnsfw before us are taken over (G9).
 */
#ifndef KEEP_TAKEOVER_H
#define KEEP_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"

struct takeover {
	uint8_t		fresh;		/* families whose entries are taken over */
	uint32_t	without_room;	/* entries for which the ledger has none */
};

/*
 * For compare_begin, with a struct takeover: an entry.  What is there as the ledger
 * says needs nothing more; what it does not have is taken over, or a stranger.
 */
bool	takeover_compare(void *, const struct msg_grant *, uint64_t ms);

/*
 * At the start: make a ledger of what the kernel has of the fresh families, however
 * much it is.  fatalx() if it cannot be listed.
 */
void	takeover_all(struct takeover *, uint32_t max_grants);

/* Hear that others have died, and signals that end a start. */
void	takeover_heed(void);

/* Let others be heard while the start waits for the kernel; fd: -1, or what is read. */
void	takeover_wait(int fd);

/* The end of a start that the firewall does not allow. */
void	takeover_impossible(void) __attribute__((noreturn));

#endif
