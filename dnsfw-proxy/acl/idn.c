/* Names outside ASCII, by libidn2. */
#include "idn.h"

#include <idn2.h>
#include <stdint.h>
#include <string.h>

#define UTF8_MAX	1024	/* octets; 255 characters of four have less */

bool
idn_to_ascii(const char *text, size_t len, char *out, size_t size)
{
	uint8_t copy[UTF8_MAX], *ascii = NULL;
	size_t n;

	if (len >= sizeof(copy))
		return (false);
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (idn2_lookup_u8(copy, &ascii, IDN2_NFC_INPUT |
	    IDN2_NONTRANSITIONAL) != IDN2_OK)
		return (false);
	n = strlen((const char *)ascii) + 1;
	if (n <= size)
		memcpy(out, ascii, n);
	idn2_free(ascii);
	return (n <= size);
}
