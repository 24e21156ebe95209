/* Who has most: entries in levels by how much they have. */
#ifndef SERVE_RANK_H
#define SERVE_RANK_H

#include <sys/queue.h>

#include <stdint.h>

/* One for nothing, and four for each power of two. */
#define RANK_LEVELS	(1 + 4 * 32)

struct rank_entry {
	TAILQ_ENTRY(rank_entry) link;
	unsigned int	level;		/* starts as 0, which is in no list */
};
TAILQ_HEAD(rank_entries, rank_entry);

struct rank {
	struct rank_entries levels[RANK_LEVELS];
};

void	rank_init(struct rank *);

/* What the entry has now.  With 0 it is not in the rank, and may be freed. */
void	rank_set(struct rank *, struct rank_entry *, uint32_t amount);

/*
 * The entry that has most, or NULL if none has anything.  Those that have the
 * same but for a fifth are equal: the one that has had it longest comes first.
 */
struct rank_entry *rank_top(struct rank *);

#endif
