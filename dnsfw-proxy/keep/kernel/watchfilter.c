/*
 * The socket filter of the events.  A classic BPF program has no loops, so
 * what it does for one message stands there once for each; M[0] is where the
 * message begins.  It loads in network byte order, and netlink's own numbers are
 * in the host's.
 */
#include "watchfilter.h"

#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <assert.h>
#include <string.h>

#define HEADER		((uint32_t)sizeof(struct nlmsghdr))
#define ATTRIBUTE	(HEADER + (uint32_t)sizeof(struct nfgenmsg))
#define NAME		(ATTRIBUTE + (uint32_t)sizeof(struct nlattr))
#define TABLE_ATTRIBUTE	1	/* NFTA_*_TABLE, the first of all of them */

#define ALL		UINT32_MAX

/* A program as it grows. */
struct program {
	struct sock_filter *code;
	size_t		 n;
};

static void
put(struct program *p, uint16_t code, uint32_t k)
{
	assert(p->n < WATCHFILTER_MAX);
	p->code[p->n++] = (struct sock_filter){ .code = code, .k = k };
}

/* A jump over so many instructions: if it is so, or if it is not. */
static void
put_jump(struct program *p, uint16_t test, uint32_t k, uint8_t yes, uint8_t no)
{
	put(p, BPF_JMP | test, k);
	p->code[p->n - 1].jt = yes;
	p->code[p->n - 1].jf = no;
}

/* A = its length, in the host's order and aligned; what is odd is let through. */
static void
put_length(struct program *p)
{
	put(p, BPF_LD | BPF_W | BPF_IND, 0);
	if (htonl(1) != 1) {
		/* Two bytes of four, as no datagram is longer. */
		put(p, BPF_ST, 1);
		put_jump(p, BPF_JSET | BPF_K, 0xffff, 0, 1);
		put(p, BPF_RET | BPF_K, ALL);
		put(p, BPF_ALU | BPF_RSH | BPF_K, 24);
		put(p, BPF_MISC | BPF_TAX, 0);
		put(p, BPF_LD | BPF_MEM, 1);
		put(p, BPF_ALU | BPF_RSH | BPF_K, 8);
		put(p, BPF_ALU | BPF_AND | BPF_K, 0xff00);
		put(p, BPF_ALU | BPF_OR | BPF_X, 0);
	}
	put_jump(p, BPF_JGE | BPF_K, HEADER, 1, 0);
	put(p, BPF_RET | BPF_K, ALL);
	put(p, BPF_ALU | BPF_ADD | BPF_K, NLMSG_ALIGNTO - 1);
	put(p, BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)(NLMSG_ALIGNTO - 1));
}

/*
 * Let it all through if the message at X is of our family, and of a table whose
 * name is as long and begins as ours.
 */
static void
put_comparison(struct program *p, uint8_t family, const char *table)
{
	struct nlattr attr = { .nla_type = TABLE_ATTRIBUTE,
	    .nla_len = (uint16_t)(sizeof(attr) + strlen(table) + 1) };
	uint32_t name = 0, head;

	memcpy(&name, table, strlen(table) < sizeof(name) ? strlen(table) :
	    sizeof(name));
	memcpy(&head, &attr, sizeof(head));
	put(p, BPF_LD | BPF_B | BPF_IND, HEADER);
	if (family == NFPROTO_UNSPEC) {
		put_jump(p, BPF_JEQ | BPF_K, NFPROTO_IPV4, 1, 0);
		put_jump(p, BPF_JEQ | BPF_K, NFPROTO_IPV6, 0, 5);
	} else
		put_jump(p, BPF_JEQ | BPF_K, family, 0, 5);
	put(p, BPF_LD | BPF_W | BPF_IND, ATTRIBUTE);
	put_jump(p, BPF_JEQ | BPF_K, ntohl(head), 0, 3);
	put(p, BPF_LD | BPF_W | BPF_IND, NAME);
	put_jump(p, BPF_JEQ | BPF_K, ntohl(name), 0, 1);
	put(p, BPF_RET | BPF_K, ALL);
}

unsigned short
watchfilter_make(struct sock_filter code[WATCHFILTER_MAX],
    unsigned int messages, uint32_t portid, uint8_t family, const char *table)
{
	struct program p = { .code = code };

	/* All messages of a datagram are of one change. */
	put(&p, BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct nlmsghdr, nlmsg_pid));
	put_jump(&p, BPF_JEQ | BPF_K, htonl(portid), 0, 1);
	put(&p, BPF_RET | BPF_K, 0);
	put(&p, BPF_LDX | BPF_IMM, 0);
	while (messages-- > 0) {
		put(&p, BPF_LD | BPF_W | BPF_LEN, 0);
		put_jump(&p, BPF_JGT | BPF_X, 0, 1, 0);
		put(&p, BPF_RET | BPF_K, 0);	/* that was the last one */
		put(&p, BPF_STX, 0);
		put_comparison(&p, family, table);
		put_length(&p);
		put(&p, BPF_LDX | BPF_MEM, 0);
		put(&p, BPF_ALU | BPF_ADD | BPF_X, 0);
		put(&p, BPF_MISC | BPF_TAX, 0);
	}
	put(&p, BPF_RET | BPF_K, ALL);
	return ((unsigned short)p.n);
}
