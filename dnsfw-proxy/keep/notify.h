/*
 * What the service manager is told: sd_notify(3), by ourselves.
 */
#ifndef KEEP_NOTIFY_H
#define KEEP_NOTIFY_H

#include <stdbool.h>

/* Is KEEP_FD_NOTIFY open?  Before the confinement. */
void	notify_open(void);

/* True if there is somebody to tell. */
bool	notify_wanted(void);

/* Tell that it is alive. */
void	notify_alive(void);

/*
 * Tell the state ("READY=1", or NULL) and the status, one line, in one message.
 * What was told last is not told again; what could not be sent, as the manager
 * is slow, is sent by the next call that says the same.
 */
void	notify_send(const char *state, const char *status);

#endif
