/*
 * Giving up privileges, and the proof that none comes back.  Every function
 * ends the program (fatal) if a step fails: nobody runs half confined (P3).
 */
#ifndef COMMON_DROP_H
#define COMMON_DROP_H

#include <sys/types.h>

#include <stdint.h>

/*
 * Make an empty directory that has already been removed the working directory:
 * nothing is in it, and nothing can be made in it.  It is made in /run, /tmp,
 * /dev/shm or /dev, the first that is writable.  Children inherit it.
 */
void	drop_directory(void);

/*
 * Make that directory the root directory, too, and try to make something in it.
 * Needs CAP_SYS_CHROOT.
 */
void	drop_root(void);

/* Both, and nobody but root may even look for a name in it. */
void	drop_root_directory(void);

/*
 * Die (SIGKILL) with the process that has the other end of the pipe fd, which
 * nobody writes to; even if we are stopped.  fd must be of this process alone,
 * and stay open.  After drop_privileges, as it counts who asks.
 */
void	drop_outlive(int fd);

/*
 * Become uid and gid with no other group, keep exactly the capabilities in
 * the mask (bit n = capability n) as permitted and effective, empty the
 * inheritable, ambient and bounding sets, set no_new_privs, and forbid core
 * dumps and tracing.  Each is verified by reading it back and by trying to
 * return (the ambient set by the inheritable one, which it never exceeds).
 */
void	drop_privileges(uid_t uid, gid_t gid, uint64_t capabilities);

/*
 * In a child that is about to exec a program for another user: become that
 * user, with these capabilities inheritable and ambient, so that the program
 * has exactly them; the bounding set is empty.  No core file, no locked memory,
 * at most nofile descriptors, no_new_privs.
 */
void	drop_for_exec(uid_t uid, gid_t gid, uint64_t capabilities,
	    unsigned long nofile);

/*
 * For an ordinary user, who cannot become another one: no capability, and the
 * last two steps of drop_privileges.
 */
void	drop_capabilities(void);

/*
 * No core file, no new process, no locked memory, and at most nofile
 * descriptors.
 */
void	drop_limits(unsigned long nofile);

/* At most so many bytes of address space; not in a sanitizer's build. */
void	drop_memory(unsigned long bytes);

#endif
