/*
 * The real helper, started as dnsfw starts it, in a network namespace of the
 * test's own; the test is keeper and compiler.
 */
#ifndef HELPER_RIG_H
#define HELPER_RIG_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "order.h"
#include "stamps.h"
#include "stamp/wish.h"

struct rig {
	pid_t	pid;
	int	keeper, compiler;	/* our ends */
	int	act, list, flows;	/* shared: the kernel's answers */
	uint32_t seq;			/* the next one that is free */
};

/* What became of an order. */
struct rig_answer {
	bool		refused;	/* by the helper */
	enum order_code	code;		/* why */
	int		error;		/* of the kernel's; 0: done */
};

/* Room for what a helper of these options is told; then rig_start(). */
struct stamps *rig_stamps(const struct stamps_wish *);

/* Start it, hear that it is ready, and tell it bounds that cover everything. */
void	rig_start(struct rig *);

/* The same, without bounds. */
void	rig_start_unbound(struct rig *);

/* Start it with a descriptor that is not right: its exit status. */
int	rig_start_fails(int stamps_fd);

/* BOUNDs are sent; in force are all since the last time. */
void	rig_commit(struct rig *, const struct order_bound *, size_t n);

/* A record as it is. */
void	rig_tell(struct rig *, const void *record, size_t len);

/*
 * n orders of one type and size in a record, whose seq are set.  Waits for the
 * kernel, and returns what became of each.
 */
void	rig_orders(struct rig *, void *orders, size_t size, size_t n,
	    struct rig_answer *answers);

/* One order, as that. */
struct rig_answer rig_order(struct rig *, void *order, size_t size);

/*
 * What the kernel has to read: returns the number of messages with data, or -1
 * and the error in answer.
 */
int	rig_read(struct rig *, enum stamps_id what, uint8_t sub,
	    const char *name, struct rig_answer *answer);

/* The helper's ERROR record, and its exit status. */
struct order_error rig_end(struct rig *, int *status);

/* "10.0.0.2", "" for this host, TCP 443 to that address, for so long. */
struct order_grant rig_grant(enum order_type, const char *client,
	    const char *dst, uint32_t left);

/* The output of a command, errors included; and whether the text is in it. */
const char *rig_output(const char *command);
bool	rig_shows(const char *command, const char *text);

#endif
