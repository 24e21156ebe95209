/* The sockets on which queries come. */
#ifndef START_LISTEN_H
#define START_LISTEN_H

#include "keepconf.h"

#define LISTEN_MAX	(2 * MSG_BINDS_MAX)

/*
 * Bind and listen for every --bind: fds[2 * i] is UDP, fds[2 * i + 1] TCP.  An
 * address that no interface has yet is logged, once.
 * All are non-blocking and close-on-exec.  Returns how many there are.  With
 * several workers each has sockets of its own, made in their order from 0 on,
 * and the kernel gives all that one client address sends to the same (P5).
 * fatal() on error.
 */
size_t	listen_open(const struct keepconf *, unsigned int worker,
	    int fds[LISTEN_MAX]);

#endif
