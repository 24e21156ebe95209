/* The other processes: fork, and exec with descriptors in their places. */
#ifndef START_SPAWN_H
#define START_SPAWN_H

#include <sys/types.h>

#include "keepconf.h"
#include "stamps.h"

#define SPAWN_FD_FIRST	3	/* of fds[0] below; -1: there is none */

/*
 * Two ends of a SEQPACKET channel.  They block, and nobody inherits them but
 * who is given one.
 */
void	spawn_channel(int ends[2]);

/*
 * Start dnsfw-proxy in a role ("compiler", "checker", "worker"), which becomes
 * the user by itself; name is its last argument: the ACL's path, or the name.
 * It dies with the pipe life (drop_outlive), and writes its log to the channel's
 * end log.
 */
pid_t	spawn_proxy(const char *role, const struct keepconf_user *user, const char *name,
	    int life, int log, const int *fds, size_t nfds);

/*
 * Fork a child that is to end soon; its 0 is a pipe to die with (drop_outlive),
 * whose other end is *life.  0 in the child.
 */
pid_t	spawn_brief(int *life);

/* Wait for its end.  If it failed, so do we. */
void	spawn_wait(pid_t pid, int life, const char *name);

/*
 * Run dnsfw-stamp, which becomes the helper's user by itself, to its end: *made
 * is what it says.  If it fails, so do we.
 */
void	spawn_stamp(const struct keepconf *, struct stamps *made);

/* Start dnsfw-priv, as that user already, with CAP_NET_ADMIN. */
pid_t	spawn_helper(const struct keepconf_user *user, int life, const int *fds, size_t nfds);

/* Become dnsfw-proxy in the role "keeper", which becomes its user by itself. */
void	spawn_keeper(const int *fds, size_t nfds) __attribute__((noreturn));

#endif
