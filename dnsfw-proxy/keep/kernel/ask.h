/*
 * What the keeper asks of the helper (order.h), and what becomes of it: the only
 * file that knows the helper's channel and the socket on which the kernel answers
 * what was done.  One transaction at a time, each with an end: the answer, or
 * ASK_WAIT (of the start: patience.h).  No allocation.
 */
#ifndef KEEP_ASK_H
#define KEEP_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "order.h"
#include "stamps.h"

/* P4's second and P6's are for two of these. */
#define ASK_WAIT	(CLOCK_SECOND / 2)

enum ask_what {
	ASK_DONE = 0,	/* the kernel has answered: error says what */
	ASK_REFUSED,	/* by the helper: code says why; nothing was sent */
	ASK_UNKNOWN	/* no answer, or answers were lost */
};

struct ask_result {
	enum ask_what	what;
	int		error;		/* 0, errno, or a number of ip_set */
	enum order_code	code;
};

/*
 * The descriptors of keepconf.h are there.  Waits for the helper's READY, at
 * most a minute.  fatalx() without it.
 */
void	ask_open(void);

/*
 * ADD, DEL or TEST: 1 to ORDER_BATCH_MAX orders of one type, which get their seq
 * here.  results[i] is what became of order i alone.  With nftables, if any of
 * the batch has failed then nothing was done; so what is returned is of the whole:
 * UNKNOWN, or DONE with the first error of any message, BEGIN's, too.
 */
struct ask_result ask_grants(struct order_grant *orders, size_t n,
	    struct ask_result *results);

/* FLOW: the same. */
struct ask_result ask_flows(struct order_flow *orders, size_t n,
	    struct ask_result *results);

/* MAKE: of the whole. */
struct ask_result ask_make(struct order_make *order);

/*
 * True while a transaction has had no answer in time: the helper stands
 * still, or is stuck in the kernel.  Until its answer is there, every other is
 * UNKNOWN at once, without being sent.  What comes late is not told to anybody:
 * who hears that it is over compares all with the kernel.
 */
bool	ask_stuck(void);

/*
 * Once a turn, and when KEEP_FD_HELPER or KEEP_FD_ACT can be read: late answers.
 * fatalx() if the helper says what it cannot say.
 */
void	ask_look(void);

/*
 * True when the helper's channel has ended, or it has said why it ends: *why is
 * that, its type 0 if it said nothing.
 */
bool	ask_ended(struct order_error *why);

/*
 * For list.h: order a READ.  Returns its seq, or 0 if it could not be sent; and
 * later, whether it was refused: ORDER_SENT as long as it was not.
 */
uint32_t ask_read(enum stamps_id what, uint8_t sub, const char *name);
enum order_code ask_read_code(uint32_t seq);

/*
 * The same for an order that the helper refuses, whatever else it may do, so that
 * nothing reaches the kernel: it lives if it does.
 */
uint32_t ask_ping(void);

/* The port id of a netlink socket; fatal() if it is none. */
uint32_t ask_portid(int fd);

/*
 * strerror, also for what ip_set returns (numbers from 4096 on); ETIMEDOUT says
 * that the helper does not answer.
 */
const char *ask_strerror(int error);

/* Of a result that is not DONE with 0: valid until the next call. */
const char *ask_text(const struct ask_result *);

#endif
