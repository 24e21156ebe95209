/*
 * Reading and writing bytes of a message without ever leaving it.  Pure.
 *
 * A read steers control flow, so each one must be checked.  Writes go on after
 * an overflow without effect, and the flag is tested once at the end.
 */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_MUSTCHECK __attribute__((warn_unused_result))

/*
 * A large variable on the path of every query, of which nothing is read before
 * it was written.  The compiler zeroes all others (-ftrivial-auto-var-init);
 * these thousands of octets would cost more than the work, and the cache.
 */
#define DNS_UNINITIALIZED __attribute__((uninitialized))

struct rcur {
	const uint8_t	*buf;
	size_t		 len;
	size_t		 pos;	/* <= len, always */
};

/*
 * Reading: network order in, host order out; 0, or -1 and nothing moved.  What
 * is called for every octet or two of a message is inline.
 */

/* pos <= len always holds, so the subtraction cannot wrap. */
static inline bool
rcur_has(const struct rcur *c, size_t n)
{
	return (c->len - c->pos >= n);
}

DNS_MUSTCHECK static inline int
rcur_u8(struct rcur *c, uint8_t *out)
{
	if (!rcur_has(c, 1))
		return (-1);
	*out = c->buf[c->pos++];
	return (0);
}

DNS_MUSTCHECK static inline int
rcur_u16(struct rcur *c, uint16_t *out)
{
	if (!rcur_has(c, 2))
		return (-1);
	*out = (uint16_t)(c->buf[c->pos] << 8 | c->buf[c->pos + 1]);
	c->pos += 2;
	return (0);
}

DNS_MUSTCHECK static inline int
rcur_u32(struct rcur *c, uint32_t *out)
{
	const uint8_t *p = c->buf + c->pos;

	if (!rcur_has(c, 4))
		return (-1);
	*out = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
	c->pos += 4;
	return (0);
}

DNS_MUSTCHECK static inline int
rcur_skip(struct rcur *c, size_t n)
{
	if (!rcur_has(c, n))
		return (-1);
	c->pos += n;
	return (0);
}

DNS_MUSTCHECK int rcur_bytes(struct rcur *, void *, size_t);

/*
 * An option of OPT (RFC 6891 6.1.2), or a parameter of SVCB or HTTPS (RFC 9460
 * 2.2).
 */
struct tlv {
	uint16_t	type;
	uint16_t	length;
	size_t		value;	/* offset */
};
DNS_MUSTCHECK int rcur_tlv(struct rcur *, struct tlv *);

struct wcur {
	uint8_t	*buf;
	size_t	 len;
	size_t	 pos;
	bool	 overflow;	/* sticky */
};

void	wcur_u8(struct wcur *, uint8_t);
void	wcur_u16(struct wcur *, uint16_t);
void	wcur_u32(struct wcur *, uint32_t);
void	wcur_bytes(struct wcur *, const void *, size_t);

#endif
