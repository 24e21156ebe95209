/* The questions at the control socket. */
#include "controlmsg.h"

#include <string.h>

bool
control_ask_decode(const void *buf, size_t len, struct control_ask *out)
{
	static const uint8_t zero[16];
	size_t used;

	if (len != sizeof(*out))
		return (false);
	memcpy(out, buf, sizeof(*out));
	used = addr_len(out->family);
	return (out->version == CONTROL_VERSION && out->what != 0 &&
	    out->what < CONTROL_WHAT_END &&
	    (out->family == 0 || used > 0) &&
	    memcmp(out->pad, zero, sizeof(out->pad)) == 0 &&
	    memcmp(out->client + used, zero, sizeof(zero) - used) == 0 &&
	    (out->what != CONTROL_REVOKE || out->family != 0));
}
