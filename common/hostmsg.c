/* Decoders of the messages about addresses that are one client. */
#include "hostmsg.h"

#include <string.h>

enum msg_err
msg_known_decode(const void *buf, size_t len, enum msg_type type,
    struct msg_known *out)
{
	if (len != sizeof(*out))
		return (MSG_ESIZE);
	memcpy(out, buf, sizeof(*out));
	if (out->type != type)
		return (MSG_ETYPE);
	return (out->pad[0] == 0 && out->pad[1] == 0 && out->pad[2] == 0 ?
	    MSG_OK : MSG_EPAD);
}
