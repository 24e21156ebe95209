/* Names of the tests, without the parser that is tested. */
#ifndef NAMES_H
#define NAMES_H

#include <string.h>

#include "dns/name.h"

/* Wire form from dotted text, letter case kept; "" is the root. */
static inline void
name_from(const char *text, struct dns_name *out)
{
	const char *dot;
	size_t n;

	memset(out, 0, sizeof(*out));
	while (*text != '\0') {
		dot = strchr(text, '.');
		n = dot == NULL ? strlen(text) : (size_t)(dot - text);
		out->wire[out->len++] = (uint8_t)n;
		memcpy(out->wire + out->len, text, n);
		out->len = (uint8_t)(out->len + n);
		out->labels++;
		text += n + (dot != NULL);
	}
	out->wire[out->len++] = 0;
}

#endif
