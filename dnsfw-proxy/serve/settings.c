/* What the options say. */
#include "settings.h"

#include "clock.h"

struct settings settings;

enum msg_err
settings_take(const uint8_t *buf, size_t len)
{
	struct settings *s = &settings;
	enum msg_err err;

	if ((err = msg_config_decode(buf, len, &s->config)) != MSG_OK)
		return (err);
	s->vet.deny = s->config.deny_nets.at;
	s->vet.ndeny = s->config.deny_nets.n;
	s->vet.allow = s->config.allow_nets.at;
	s->vet.nallow = s->config.allow_nets.n;
	s->timeout = s->config.timeout * CLOCK_SECOND;
	return (MSG_OK);
}
