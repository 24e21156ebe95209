/*
 * Connections of grants, in one walk through all of them for whatever was asked
 * for meanwhile (G14): which of them live (--hold-live), and those that end
 * (--kill-connections).  What is asked for during a walk is for the next one.
 */
#ifndef KEEP_CONNECTIONS_H
#define KEEP_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/conntrack.h"
#include "msg.h"

/* The end of a walk that had grants of _look in it; known: it saw all. */
typedef void connections_seen(bool known);

/*
 * Room for so many grants, of which the kernel is to forget the connections, and
 * for so many that are looked for.  Waits for the kernel; fatalx() if it lists
 * no connections.
 */
void	connections_open(size_t kills, size_t looks, connections_seen *seen);

/* Give all connections to fn, in walks of their own if there are no others (U8). */
void	connections_watch(conntrack_each *fn);

/* In the next walk.  Returns false if there is no room before that has ended. */
bool	connections_kill(const struct msg_grant *);
bool	connections_look(const struct msg_grant *);

/* For the called, at the end of a walk. */
bool	connections_live(const struct msg_grant *);

/* A step of the walk, for a millisecond or so; and is there one to do? */
void	connections_step(void);
bool	connections_due(void);

/* The descriptor to poll for the next step, or -1. */
int	connections_fd(void);

/* Until when poll may wait for it: ms, or -1. */
int	connections_wait(void);

/* Since the last call: how many have ended, and how many were to and did not. */
uint64_t connections_ended(uint64_t *failed);

/* Is a grant of _kill still to be walked for? */
bool	connections_killing(void);

#endif
