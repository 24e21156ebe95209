/*
 * The control socket (U2).  Who may open it reads; root may change something, too.
 * Nobody here delays a grant: an asker gets one record of answers in a turn, and
 * one that does not read is dropped.
 */
#ifndef KEEP_CONTROL_H
#define KEEP_CONTROL_H

#include <poll.h>
#include <stdbool.h>

#define CONTROL_ASKERS	8		/* at a time: see controlplaces.h */
#define CONTROL_POLLED	(1 + CONTROL_ASKERS)

/*
 * Make the socket that the options name, before the confinement.  Where there can
 * be none, or another process serves, there is a warning.
 */
void	control_open(void);

/* Fill in what to poll for: CONTROL_POLLED of them. */
void	control_poll(struct pollfd *fds);

/* Until when poll may wait for them: ms, or -1. */
int	control_wait(void);

/* One step for each asker.  Returns true if grants were revoked. */
bool	control_step(const struct pollfd *fds);

#endif
