/*
 * The other processes: what comes from them, record by record, and how they
 * end.  One that is gone or misbehaves ends the program (P4, P7).
 */
#ifndef KEEP_CHILDREN_H
#define KEEP_CHILDREN_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"

#define CHILDREN_NAME_MAX 16

struct child {
	char		 name[CHILDREN_NAME_MAX];	/* for the log */
	pid_t		 pid;
	int		 chan;
	int		 log;		/* a line a record; -1: none */
	unsigned int	 unanswered;	/* see alive.h; any record answers */
	unsigned int	 pings;		/* without a PONG so far */
	bool		 silent;	/* for too long, and the log has it */
};

extern struct child children_compiler;
extern struct child children_workers[MSG_WORKERS_MAX];
extern size_t children_nworkers;

/* To be called after conf_open(). */
void	children_open(void);

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

/* Write what they have to say to the log, under their names; a little of it. */
void	children_logs(void);

/* All that one has said so far. */
void	children_log(const struct child *c);

/* After SIGCHLD, and when the helper's channel has ended: who has died? */
void	children_look(void);

/*
 * Tell all to stop, and wait a moment for them: one that does not end by itself
 * is ended by our end (P4).
 */
void	children_end(void);

/* A PONG has come: MSG_OK, or why it is none.  There is one for each PING. */
enum msg_err children_pong(struct child *c, const void *buf, size_t len);

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
