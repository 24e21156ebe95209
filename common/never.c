/* What G8 never grants. */
#include "never.h"

#include <string.h>

#define V4(n, ...)	{ { ADDR_V4, { __VA_ARGS__ } }, (n) }
#define V6(n, ...)	{ { ADDR_V6, { __VA_ARGS__ } }, (n) }

static const struct addr_net never[LIMITS_NEVER] = {
	V4(8, 0),			/* 0.0.0.0/8, "this network" */
	V4(8, 127),			/* loopback */
	V4(16, 169, 254),		/* link-local */
	V4(4, 224),			/* multicast */
	V4(4, 240),			/* reserved, broadcast */
	V6(128, 0),			/* :: */
	V6(128, [15] = 1),		/* ::1 */
	V6(10, 0xfe, 0x80),		/* link-local */
	V6(8, 0xff),			/* multicast */
};

static const struct limits_embedding embeddings[LIMITS_EMBEDDINGS] = {
	{ V6(96, 0), 12, 0 },				/* ::a.b.c.d */
	{ V6(96, [10] = 0xff, 0xff), 12, 0 },		/* ::ffff:... */
	{ V6(96, 0x00, 0x64, 0xff, 0x9b), 12, 0 },	/* 64:ff9b:: */
	{ V6(48, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01), 12, 0 },
	{ V6(16, 0x20, 0x02), 2, 0 },			/* 6to4 */
	{ V6(32, 0x20, 0x01, 0x00, 0x00), 4, 0 },	/* server */
	{ V6(32, 0x20, 0x01, 0x00, 0x00), 12, 0xff },	/* client */
};

void
never_fill(struct limits *l)
{
	memcpy(l->never, never, sizeof(never));
	memcpy(l->embeddings, embeddings, sizeof(embeddings));
}
