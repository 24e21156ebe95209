/*
 * A table of system calls becomes a seccomp filter (libseccomp); Landlock
 * denies all of the file system.  Both end the program if they fail; only that
 * there is no Landlock is no failure (P3).
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <linux/filter.h>

#include <stddef.h>
#include <stdint.h>

#define SANDBOX_ARGS_MAX 4

enum sandbox_op {
	SANDBOX_END = 0,	/* no further test */
	SANDBOX_EQ,		/* argument == value */
	SANDBOX_LE,		/* argument <= value */
	SANDBOX_GE,		/* argument >= value */
	SANDBOX_MASKED_EQ	/* (argument & mask) == value */
};

struct sandbox_arg {
	enum sandbox_op	op;
	unsigned int	index;	/* 0-5 */
	uint64_t	value;	/* all 64 bits are compared */
	uint64_t	mask;	/* SANDBOX_MASKED_EQ only */
};

/*
 * One row: the call is allowed if all of its tests hold (AND); several rows
 * for one call are alternatives (OR).  error != 0: the call is not allowed but
 * fails with that errno instead of killing the process, for calls that the C
 * library makes and survives without.
 */
struct sandbox_rule {
	int		call;	/* SCMP_SYS(name) */
	int		error;
	struct sandbox_arg args[SANDBOX_ARGS_MAX];
	const char	*why;
};

#ifdef DNSFW_SANITIZE
/* What sanitizers need in any process (tests/tree/sanitizer.c); no table has it. */
extern const struct sandbox_rule sandbox_sanitizer_rules[];
extern const size_t sandbox_sanitizer_nrules;
#endif

/* Everything that no row allows kills the process (SIGSYS). */
void	sandbox_seccomp(const struct sandbox_rule *rules, size_t n);

/*
 * The same as instructions, for another program to load.  Returns how many; more
 * than max are fatal().
 */
uint32_t sandbox_export(const struct sandbox_rule *rules, size_t n,
	    struct sock_filter *out, size_t max);

/*
 * Deny every file system access but reading what is below the directory dir
 * (-1: none), every bind to a TCP port, every TCP connect
 * but to the given ports (host order), abstract unix sockets and signals to
 * others, as far as this kernel's Landlock knows them.  Returns NULL, or where
 * there is no Landlock, why: that is for the keeper to log, once for all.
 */
const char *sandbox_landlock(const uint16_t *connect_ports, size_t n, int dir);

#endif
