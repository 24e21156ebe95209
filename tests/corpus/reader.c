/* What all readers share: input, and hexadecimal output. */
#include "reader.h"

#include <err.h>
#include <stdlib.h>

#define MESSAGE_MAX	65535

void
reader_hex(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		printf("%02x", p[i]);
}

void
reader_refused(const char *why)
{
	printf("refused %s", why);
}

const char *
reader_layout(unsigned int type)
{
	switch (type) {
	case 2: case 3: case 4: case 5: case 7: case 8: case 9: case 12:
	case 23: case 39:		/* NS ... PTR, NSAP-PTR, DNAME */
		return ("n");
	case 6:				/* SOA */
	case 14: case 17: case 58:	/* MINFO, RP, TALINK */
		return ("nn*");
	case 15: case 18: case 21:	/* MX, AFSDB, RT */
	case 36: case 107:		/* KX, LP */
		return ("2n");
	case 24: case 46:		/* SIG, RRSIG */
		return ("99n*");
	case 26:			/* PX */
		return ("2nn");
	case 30: case 47:		/* NXT, NSEC */
	case 249: case 250:		/* TKEY, TSIG */
		return ("n*");
	case 33:			/* SRV */
		return ("6n");
	case 35:			/* NAPTR */
		return ("4sssn");
	case 66:			/* DSYNC */
		return ("5n");
	default:
		return ("*");
	}
}

int
main(void)
{
	uint8_t head[4], *msg;
	size_t len;

	while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
		len = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
		    (size_t)head[2] << 8 | head[3];
		if (len > MESSAGE_MAX)
			errx(1, "message of %zu octets", len);
		/* Of its very size, for the sanitizers. */
		if ((msg = malloc(len == 0 ? 1 : len)) == NULL)
			err(1, "malloc");
		if (fread(msg, 1, len, stdin) != len)
			errx(1, "input ends inside a message");
		reader_message(msg, len);
		putchar('\n');
		free(msg);
	}
	if (ferror(stdin) || fflush(stdout) == EOF)
		err(1, "stdio");
	return (0);
}
