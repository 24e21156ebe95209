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

enum msg_err
msg_neighbour_decode(const void *buf, size_t len, struct msg_neighbour *out)
{
	size_t i;

	if (len != sizeof(*out))
		return (MSG_ESIZE);
	memcpy(out, buf, sizeof(*out));
	if (out->type != MSG_NEIGHBOUR)
		return (MSG_ETYPE);
	if (out->pad[0] != 0 || out->pad[1] != 0)
		return (MSG_EPAD);
	if (out->family != ADDR_V4 && out->family != ADDR_V6)
		return (MSG_EFAMILY);
	for (i = addr_len(out->family); i < sizeof(out->client); i++)
		if (out->client[i] != 0)
			return (MSG_EADDR);
	return (MSG_OK);
}
