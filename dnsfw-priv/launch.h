/*
 * What root does: look up users, bind sockets, open the ACL, start the
 * children.  Everything here ends the program on an error (fatal).
 */
#ifndef PRIV_LAUNCH_H
#define PRIV_LAUNCH_H

#include <sys/types.h>

#include "options.h"

struct user {
	uid_t	uid;
	gid_t	gid;
};

#define CHILD_NAME_MAX	16

/* A child and the channel to it. */
struct child {
	char		 name[CHILD_NAME_MAX];	/* for the log */
	pid_t		 pid;
	int		 chan;
};

/*
 * Put the descriptors in order: 0 is /dev/null, 1 and 2 are open, nothing else
 * that the caller left open stays.
 */
void	launch_descriptors(void);

/*
 * Is every capability there that the start takes?  firewall: with the one that
 * programs it.  What is missing is said with what it is for.
 */
void	launch_capabilities(bool firewall);

/* The user and its primary group; root is refused.  option: for the text. */
struct user launch_user(const char *name, const char *option);

/* They must not be the same one. */
void	launch_two_users(const struct user *priv, const struct user *proxy);

/*
 * Bind and listen for every --bind: fds[2 * i] is UDP, fds[2 * i + 1] TCP.  An
 * address that no interface has yet is logged, once.
 * All are non-blocking and close-on-exec.  Returns how many there are.  With
 * several workers each has sockets of its own, made in their order from 0 on,
 * and the kernel gives all that one client address sends to the same (P5).
 */
size_t	launch_sockets(const struct options *o, unsigned int worker,
	    int fds[2 * MSG_BINDS_MAX]);

/*
 * Open the ACL's directory as FD_ACL_DIR, by name only.  Returns the file's
 * name in it.
 */
const char *launch_acl_directory(const char *path);

/*
 * Start dnsfw-proxy in a role ("compiler", "worker") with nfds descriptors
 * from 4 on, and give it the user to become.  name is for the log.  extra is
 * its last argument: the ACL's path, or the name.  config, if not NULL, is its
 * first message.  fds are closed here.
 */
void	launch_child(struct child *c, const char *role, const char *name,
	    struct user user, const char *extra, const int *fds, size_t nfds,
	    const struct msg_config *config);

#endif
