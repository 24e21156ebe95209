/* How dnsfw is set up. */
#include "settings.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../ask.h"
#include "../ctl.h"
#include "addrtext.h"
#include "command.h"
#include "config.h"

/* A variable that is not set yet; an empty one counts as not set. */
static void
take_item(struct settings *s, const struct config_item *item)
{
	const struct {
		const char	*key;
		const char	**place;
	} keys[] = {
		{ "ACL_FILE", &s->acl }, { "CONTROL", &s->control },
		{ "FIREWALL", &s->backend }, { "TABLE", &s->table },
		{ "CHAIN", &s->chain }, { "PRIV_USER", &s->priv_user },
		{ "KEEPER_USER", &s->keeper_user },
		{ "PROXY_USER", &s->proxy_user }, { "BIND", &s->bind },
		{ "BIND_PORT", &s->bind_port }
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].key, item->key) == 0 &&
		    *keys[i].place == NULL && item->value[0] != '\0')
			*keys[i].place = item->value;
}

static bool
read_config(struct settings *s, struct findings *f)
{
	bool told = s->config != NULL;
	struct config c = { .line = 1 };
	struct command mend = { .len = 0 };
	struct config_item item;
	const char *why;

	if (!told)
		s->config = SETTINGS_CONFIG_DEFAULT;
	if ((c.at = config_load(s->config, &why)) == NULL) {
		if (told || access(s->config, F_OK) == 0)
			warnx("cannot read \"%s\": %s", s->config, why);
		s->config = NULL;
		return (!told);
	}
	command_add(&mend, "dnsfw --check --config");
	command_word(&mend, s->config);
	while (config_next(&c, &item)) {
		if (item.key != NULL)
			take_item(s, &item);
		else
			findings_add(f, ERROR, "config-wrong",
			    command_text(&mend), "%s:%u: %s: dnsfw does not "
			    "start", s->config, item.line, item.wrong);
	}
	return (true);
}

static void
take_binds(struct settings *s)
{
	const char *at = s->bind;
	struct addr a;
	size_t len;

	for (; s->nbinds < SETTINGS_BINDS_MAX; at += len + 1) {
		len = strcspn(at, ",");
		/* A link-local one has its interface behind a '%'. */
		if (addr_parse(at, strcspn(at, ",%"), &a) == 0)
			s->binds[s->nbinds++] = a;
		if (at[len] == '\0')
			return;
	}
}

static void
set_default(const char **place, const char *value)
{
	if (*place == NULL)
		*place = value;
}

static bool
make_guard(struct settings *s)
{
	bool nft;

	if (s->backend == NULL || (strcmp(s->backend, "none") != 0 &&
	    s->chain == NULL)) {
		warnx("which firewall is it? --config, or --firewall, --chain "
		    "and --table say so");
		return (false);
	}
	nft = strcmp(s->backend, "nftables") == 0;
	if (!nft && strcmp(s->backend, "iptables") != 0 &&
	    strcmp(s->backend, "none") != 0) {
		warnx("--firewall \"%s\": expected none, iptables or nftables",
		    s->backend);
		return (false);
	}
	if (nft && (s->table == NULL || strchr(s->table, ' ') == NULL)) {
		warnx("--table: expected \"FAMILY NAME\", as nftables needs "
		    "it");
		return (false);
	}
	s->guard = (struct guard){ .backend = s->backend,
	    .table = nft ? s->table : NULL, .chain = s->chain };
	return (true);
}

bool
settings_complete(struct settings *s, struct findings *f)
{
	if (!read_config(s, f))
		return (false);
	set_default(&s->acl, CTL_ACL_DEFAULT);
	set_default(&s->control, ASK_PATH_DEFAULT);
	set_default(&s->priv_user, PRIV_USER);
	set_default(&s->keeper_user, KEEPER_USER);
	set_default(&s->proxy_user, PROXY_USER);
	set_default(&s->bind, "127.0.0.53");
	set_default(&s->bind_port, "537");
	take_binds(s);
	s->port = (unsigned int)strtoul(s->bind_port, NULL, 10);
	return (make_guard(s));
}
