/* What the options say. */
#include "settings.h"

#include <string.h>

#include "clock.h"

struct settings settings;

static void
take_nets(const struct msg_net *nets, size_t n, struct addr_net *out)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[i].base.family = nets[i].family;
		out[i].prefix = nets[i].prefix;
		memcpy(out[i].base.bytes, nets[i].base, 16);
	}
}

enum msg_err
settings_take(const uint8_t *buf, size_t len)
{
	struct settings *s = &settings;
	enum msg_err err;

	if ((err = msg_config_decode(buf, len, &s->config)) != MSG_OK)
		return (err);
	take_nets(s->config.client_nets, s->config.nclient_nets,
	    s->client_nets);
	take_nets(s->config.deny_nets, s->config.ndeny_nets, s->deny_nets);
	take_nets(s->config.allow_nets, s->config.nallow_nets, s->allow_nets);
	s->vet.deny = s->deny_nets;
	s->vet.ndeny = s->config.ndeny_nets;
	s->vet.allow = s->allow_nets;
	s->vet.nallow = s->config.nallow_nets;
	s->timeout = s->config.timeout * CLOCK_SECOND;
	return (MSG_OK);
}
