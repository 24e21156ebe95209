/*
 * Whether a packet can come to our chain: from a chain with a hook, by the
 * jumps and gotos of rules and by verdict maps.  It reads the messages of
 * listings: of the chains, of the table's rules, and then of the maps that they
 * named.  Pure, but for the hash's key.
 */
#ifndef KEEP_REACH_H
#define KEEP_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "order.h"

struct nlmsghdr;

#define REACH_WAYS_MAX	4096
#define REACH_MAPS_MAX	64

struct reach_way {
	uint64_t	from, to;
};

/*
 * In a table with more ways, or maps, or with names of maps that are longer than an
 * order can say, one that is not found is taken to be there.
 */
struct reach {
	const char	*table;
	uint64_t	 from;		/* node of the message that is read */
	struct reach_way ways[REACH_WAYS_MAX];
	size_t		 nways;
	char		 maps[REACH_MAPS_MAX][ORDER_NAME_SIZE];
	size_t		 nmaps;
	bool		 full;
};

/* The name must stay. */
void	reach_begin(struct reach *, const char *table);

/* Of each message; arg is the struct reach. */
void	reach_take_chain(const struct nlmsghdr *, void *arg);
void	reach_take_rule(const struct nlmsghdr *, void *arg);

/* The elements that come next are of maps[i], i < nmaps. */
void	reach_map(struct reach *, size_t i);
void	reach_take_elements(const struct nlmsghdr *, void *arg);

/* Does a way lead to the chain? */
bool	reach_found(const struct reach *, const char *chain);

#endif
