/*
 * What comes from the children, record by record.  A child that is gone or
 * misbehaves ends the program (P4, P7).
 */
#ifndef PRIV_CHILDREN_H
#define PRIV_CHILDREN_H

#include <signal.h>
#include <stddef.h>

#include "launch.h"

/* Set by the handlers of serve_signals; 0: none came. */
extern volatile sig_atomic_t children_stop;

/*
 * One record if there is one, into buf of MSG_SIZE_MAX bytes.  fd as with
 * chan_recv.  Returns its length, or 0 for none now.
 */
size_t	children_receive(struct child *c, void *buf, int *fd);

/* As children_receive, but waits, at most a minute: for the start. */
size_t	children_wait(struct child *c, void *buf, int *fd);

/* Wait until the child is confined. */
void	children_wait_ready(struct child *c);

/* Send one record; a child that does not take it is misbehaving. */
void	children_send(struct child *c, const void *buf, size_t len, int fd);

/* Send a message that is no more than its type. */
void	children_send_plain(struct child *c, enum msg_type type, int fd);

/*
 * Tell the compiler and n workers to stop, and wait a moment for all: one that
 * does not end by itself is ended by our end (P4).
 */
void	children_end(const struct child *compiler,
	    const struct child *workers, size_t n);

/* End the program: the child sent what it may not. */
void	children_malformed(const struct child *c, const char *why)
	    __attribute__((noreturn));

/*
 * Wait for input on n descriptors (negative ones do not count) or a signal;
 * ms < 0: for ever.  revents say what came.
 */
struct pollfd;
void	children_poll(struct pollfd *fds, size_t n, int ms);

#endif
