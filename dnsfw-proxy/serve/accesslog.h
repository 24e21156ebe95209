/*
 * The access log on stdout (SPEC section 7): one line an event, text as the
 * reference writes it, or JSON with the same facts and more.
 *
 * Lines are collected for a millisecond and written together.  While turns
 * follow each other, the first one that ends a millisecond or more after a line
 * came writes it; in an idle loop a timer does, after ten.  Nothing but the
 * log waits for it.  A reader that stalls never stalls DNS: what does not fit
 * into the buffer is dropped, and the application log says how many lines were.
 *
 * Workers share what they write to.  A pipe or a Unix socket gets whole lines,
 * in pieces that the kernel takes all or not at all, so that no line is cut by
 * another worker's; a file gets what is written at once in one place, anyway.
 */
#ifndef SERVE_ACCESSLOG_H
#define SERVE_ACCESSLOG_H

#include <stdint.h>

#include "../acl/decide.h"
#include "addr.h"
#include "request.h"

enum access_event {
	ACCESS_FORWARD,		/* ->  forwarded, a grant may come */
	ACCESS_RESOLVE,		/* ~>  forwarded, no grant */
	ACCESS_REFUSE,		/* |>  refused */
	ACCESS_PASS,		/* <~  answer passed on */
	ACCESS_AUDIT		/* ?>  forwarded; refused, but for --audit */
};

#define ACCESS_NONE	(-1)	/* the client gets no answer yet, or none at all */

/* Before the confinement. */
void	access_init(void);

/*
 * The lines, each about a request; rcode is that which the client gets, or
 * ACCESS_NONE.
 */
void	access_log(enum access_event event, const struct request *, int rcode);

/* |> with "= ADDRESS": answered locally. */
void	access_local(const struct request *, const struct addr *local);

/*
 * <- granted, to who asked or another address of its host; ttl is the lifetime
 * without the grace, in seconds.
 */
void	access_grant(const struct request *, const struct addr *client,
	    const struct addr *dst, const struct acl_port *port, uint32_t ttl);

/* !> a bad request, and <! a bad answer; text is ours, printable ASCII. */
void	access_bad_query(const struct request *, int rcode, const char *text);
void	access_bad_answer(const struct request *, int rcode, const char *text);

/* The end of a turn: write what was collected if that is due. */
void	access_turn(void);

/* Write what was collected, as far as the reader takes it. */
void	access_flush(void);

#endif
