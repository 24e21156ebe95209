/*
 * The netlink socket to netfilter: one for the process, one transaction at a
 * time.  A transaction is any number of messages that are sent together and
 * answered one by one.  Everything is in fixed buffers; after nlsock_open the
 * system calls are sendto, recvfrom and poll, on this socket only.
 */
#ifndef PRIV_NLSOCK_H
#define PRIV_NLSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "backend.h"

/* Three messages a grant, and two around the batch, is what nftset needs. */
#define NLSOCK_MESSAGES_MAX	(3 * BACKEND_BATCH_MAX + 2)

/*
 * The longest message, in bytes.  Names from the options are at most 63 bytes
 * and labels 127, which makes the longest rule less than 900.
 */
#define NLSOCK_MESSAGE_MAX	1024

/* Open the socket.  fatal() on error. */
void	nlsock_open(void);

/*
 * For other sockets of netlink: a new one that does not block and hears of the
 * groups (bits); large buffers for it; and take for each message that is there.
 * The latter returns 0 or an error number, ENOBUFS if messages were lost.
 */
struct mnl_socket *nlsock_new(int bus, unsigned int groups);
void	nlsock_enlarge(const struct mnl_socket *);
int	nlsock_receive(int fd, void (*take)(const struct nlmsghdr *, void *),
	    void *arg);

/* Begin a transaction: what was built before is forgotten. */
void	nlsock_begin(void);

/*
 * The next message, to which the caller puts attributes before it calls
 * another function of this file.  type is subsystem << 8 | command; family and
 * resource (host order) are of struct nfgenmsg.  Messages count from 0.
 */
struct nlmsghdr *nlsock_message(uint16_t type, uint16_t flags, uint8_t family,
	    uint16_t resource);

/*
 * Send the transaction and wait, at most two seconds, for its last answer.
 * reply, if not NULL, gets each message with data.  Returns 0 if the kernel
 * acknowledged and no message failed; or -1 and in errno the first message's
 * error, a number for nlsock_strerror: EINTR if what was listed has changed.
 */
int	nlsock_run(void (*reply)(const struct nlmsghdr *, void *), void *arg);

/* The same, but then it is listed again: reply gets some of it twice. */
int	nlsock_list(void (*reply)(const struct nlmsghdr *, void *), void *arg);

/*
 * After nlsock_run: the error of message i, or 0.  If an answer was lost, so
 * that it is unknown what became of the transaction, all messages have one.
 */
int	nlsock_error(size_t i);

/* strerror, also for what ip_set returns (numbers from 4096 on). */
const char *nlsock_strerror(int error);

/*
 * What the error of a grant's message means for the grant: OK, FULL or FAILED.
 * The latter two are logged, once a minute.
 */
uint8_t	nlsock_result(const char *set, int error);

/*
 * The attribute of that type among those of a message, which follow a header
 * of that size, or NULL; and the same for messages of netfilter.
 */
const struct nlattr *nlsock_find(const struct nlmsghdr *, size_t header,
	    uint16_t type);
const struct nlattr *nlsock_attr(const struct nlmsghdr *, uint16_t type);

/* The same inside a nested attribute, which may be NULL. */
const struct nlattr *nlsock_nested(const struct nlattr *, uint16_t type);

/*
 * The len bytes of attr, or zeros if it is NULL or of another size.  Returns
 * whether it was there.
 */
bool	nlsock_copy(const struct nlattr *attr, void *out, size_t len);

/* A number in network byte order, or 0 if attr is NULL or of another size. */
uint32_t nlsock_u32(const struct nlattr *attr);

/* True if attr is this string; false if it is NULL. */
bool	nlsock_is(const struct nlattr *attr, const char *text);

/* Up to len bytes of a text as a label, cut if it is too long. */
void	nlsock_label(const char *text, size_t len, char label[MSG_LABEL_SIZE]);

/* The port id by which the kernel names this socket in its events. */
uint32_t nlsock_portid(void);

#endif
