/* UTF-8. */
#include "utf8.h"

/* By the first octet; 0: no character begins so. */
static size_t
length(unsigned char first)
{
	if (first < 0x80)
		return (1);
	if (first < 0xc2 || first > 0xf4)
		return (0);
	return (first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4);
}

size_t
utf8_length(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i, len = left == 0 ? 0 : length(*p);

	if (len > left)
		return (0);
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return (0);
	/* Longer than need be, a surrogate, above U+10FFFF. */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return (0);
	return (len);
}
