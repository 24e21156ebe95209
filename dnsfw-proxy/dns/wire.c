/* Reading and writing bytes of a message without ever leaving it. */
#include "wire.h"

#include <string.h>

/* pos <= len always holds, so the subtraction cannot wrap. */
static bool
has(const struct rcur *c, size_t n)
{
	return (c->len - c->pos >= n);
}

int
rcur_u8(struct rcur *c, uint8_t *out)
{
	if (!has(c, 1))
		return (-1);
	*out = c->buf[c->pos++];
	return (0);
}

int
rcur_u16(struct rcur *c, uint16_t *out)
{
	if (!has(c, 2))
		return (-1);
	*out = (uint16_t)(c->buf[c->pos] << 8 | c->buf[c->pos + 1]);
	c->pos += 2;
	return (0);
}

int
rcur_u32(struct rcur *c, uint32_t *out)
{
	uint16_t high, low;

	if (!has(c, 4) || rcur_u16(c, &high) == -1 || rcur_u16(c, &low) == -1)
		return (-1);
	*out = (uint32_t)high << 16 | low;
	return (0);
}

int
rcur_skip(struct rcur *c, size_t n)
{
	if (!has(c, n))
		return (-1);
	c->pos += n;
	return (0);
}

int
rcur_bytes(struct rcur *c, void *out, size_t n)
{
	if (!has(c, n))
		return (-1);
	if (n > 0)
		memcpy(out, c->buf + c->pos, n);
	c->pos += n;
	return (0);
}

void
wcur_u8(struct wcur *c, uint8_t v)
{
	wcur_bytes(c, &v, 1);
}

void
wcur_u16(struct wcur *c, uint16_t v)
{
	const uint8_t bytes[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	wcur_bytes(c, bytes, sizeof(bytes));
}

void
wcur_u32(struct wcur *c, uint32_t v)
{
	const uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v };

	wcur_bytes(c, bytes, sizeof(bytes));
}

/* What does not fit whole is not written at all. */
void
wcur_bytes(struct wcur *c, const void *bytes, size_t n)
{
	if (c->overflow || c->len - c->pos < n) {
		c->overflow = true;
		return;
	}
	if (n > 0)
		memcpy(c->buf + c->pos, bytes, n);
	c->pos += n;
}
