/*
 * What the kernel lists when the helper asks it to: read in steps, on the two
 * sockets that are for that, so that whoever waits for something else is served
 * between them.  The kernel goes on only as we read: a step is bounded by its
 * datagrams, of 32 KiB at most.
 */
#ifndef KEEP_LIST_H
#define KEEP_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "clock.h"
#include "stamps.h"

#define LIST_WAIT	CLOCK_SECOND	/* of silence: it is broken */

enum list_step {
	LIST_MORE = 0,	/* to be called again, when the descriptor is ready */
	LIST_END,	/* that was all, and it is as it was at one time */
	LIST_CHANGED,	/* things changed meanwhile: some may be missing */
	LIST_NONE,	/* what was to be listed does not exist */
	LIST_BROKEN	/* refused, failed, lost, silent: nothing is known */
};

/* One listing; what it is about is in the messages that take gets. */
struct list {
	int		fd;		/* to poll for POLLIN */
	uint32_t	seq;
	bool		changed;
	bool		idle;		/* nothing more was there */
	int		error;		/* BROKEN: for list_text */
	uint64_t	deadline;	/* ns */
};

/*
 * Ask for a listing: what is a STAMP_ that reads, sub its kind or family (0 IPv4
 * or the table, 1 IPv6), name a map's with STAMP_MAP, else NULL.  STAMP_FLOWS has
 * a socket for itself.  Returns 0; or -1 if another one is under way there, also
 * one that nobody wants any more (it is read on), or the helper is not to be
 * asked: try again later.
 */
int	list_begin(struct list *, enum stamps_id what, uint8_t sub,
	    const char *name);

/*
 * Take what is there, at most so many datagrams.  After anything but LIST_MORE it
 * is over.  take must not ask or list.
 */
enum list_step list_step(struct list *, unsigned int datagrams,
	    void (*take)(const struct nlmsghdr *, void *), void *arg);

/*
 * Not wanted any more: the next list_begin() there has to read it to its end
 * first.  Also of one that is over, or all zero.
 */
void	list_drop(struct list *);

/*
 * All of it at once: waits, but for no longer than LIST_WAIT of silence, or at the
 * start PATIENCE_START, and not for a helper that has ended.  For what is small.
 * LIST_BROKEN, too, if somebody else wants a listing that is under way.  errno, if
 * it is LIST_BROKEN, is for ask_strerror().
 */
enum list_step list_whole(enum stamps_id what, uint8_t sub, const char *name,
	    void (*take)(const struct nlmsghdr *, void *), void *arg);

#endif
