/* Which clients get what. */
#include "clients.h"

#include <err.h>
#include <string.h>

#include "addrtext.h"

int
clients_add(struct clients_nets *nets, const char *text)
{
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (nets->n == CLIENTS_NETS_MAX) {
			warnx("--client-net: more than %d", CLIENTS_NETS_MAX);
			return (-1);
		}
		if (addr_net_parse(text, len, &nets->at[nets->n++]) != 0) {
			warnx("--client-net: \"%.*s\": expected an address or "
			    "a subnet", (int)len, text);
			return (-1);
		}
		if (text[len] == '\0')
			return (0);
	}
}

static bool
nets_meet(const struct addr_net *a, const struct addr_net *b)
{
	return (addr_in_net(&a->base, b) || addr_in_net(&b->base, a));
}

bool
clients_outside(const struct clients_nets *nets, const struct addr_net *net)
{
	size_t i;

	for (i = 0; i < nets->n; i++)
		if (nets_meet(net, &nets->at[i]))
			return (false);
	return (nets->n > 0);
}

const char *
clients_never(const struct addr_net *net, bool *none)
{
	static const struct {
		struct addr_net	net;
		bool		none;
		const char	*why;
	} nets[] = {
		{ { { ADDR_V4, { 169, 254 } }, 16 }, false, "link-local" },
		{ { { ADDR_V6, { 0xfe, 0x80 } }, 10 }, false, "link-local" },
		{ { { ADDR_V4, { 0 } }, 8 }, true, "of this network" },
		{ { { ADDR_V4, { 224 } }, 4 }, true, "multicast" },
		{ { { ADDR_V4, { 240 } }, 4 }, true, "reserved" },
		{ { { ADDR_V6, { 0xff } }, 8 }, true, "multicast" },
		{ { { ADDR_V6, { 0 } }, 128 }, true, "unspecified" },
	};
	size_t i;

	for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if (net->prefix >= nets[i].net.prefix &&
		    addr_in_net(&net->base, &nets[i].net)) {
			*none = nets[i].none;
			return (nets[i].why);
		}
	return (NULL);
}
