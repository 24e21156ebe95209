/* The control socket's making (U2), by a process that is still root. */
#ifndef KEEP_CONTROLSOCK_H
#define KEEP_CONTROLSOCK_H

#include <sys/types.h>

#include <stdbool.h>

/*
 * Make KEEP_FD_CONTROL listen at the path, which is that of sockaddr_un; its
 * directory is made if it lacks.  The group may connect if gid is not 0.  False,
 * with a warning: there can be none, or another process serves there.
 */
bool	controlsock_open(const char path[], gid_t gid, int backlog);

#endif
