/* dnsfwctl grants: what is open (U6). */
#include "grantlist.h"

#include <netinet/in.h>

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "ctl.h"
#include "live.h"
#include "show.h"
#include "usage.h"

static const char *
print_address(uint8_t family, const uint8_t bytes[16],
    char buf[ADDR_TEXT_MAX])
{
	struct addr a = { .family = family };

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return (addr_print(&a, buf));
}

const char *
grantlist_client(const struct control_grant *g, char buf[ADDR_TEXT_MAX])
{
	return (g->local != 0 ? "this host" :
	    print_address(g->family, g->client, buf));
}

const char *
grantlist_address(const struct control_grant *g, char buf[ADDR_TEXT_MAX])
{
	return (print_address(g->family, g->dst, buf));
}

const char *
grantlist_proto(const struct control_grant *g)
{
	return (g->proto == IPPROTO_UDP ? "udp" : "tcp");
}

void
grantlist_json(struct json *j, const struct control_grant *g)
{
	char buf[ADDR_TEXT_MAX];

	json_begin(j, NULL, '{');
	if (g->local == 0)
		json_text(j, "client", grantlist_client(g, buf));
	else
		json_null(j, "client");
	json_text(j, "protocol", grantlist_proto(g));
	json_number(j, "port", g->port);
	json_text(j, "address", grantlist_address(g, buf));
	json_bytes(j, "name", g->label, strnlen(g->label, sizeof(g->label)));
	json_number(j, "left", g->left);
	json_bool(j, "firewall_works", g->lacking == 0);
	json_end(j, '}');
}

static void
print_grant(void *arg, const void *record)
{
	const struct control_grant *g = record;
	const struct live *l = arg;
	char client[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	struct json j = { .to = stdout };

	if (l->json) {
		grantlist_json(&j, g);
		json_line(&j);
		return;
	}
	printf("%-15s  %s:%-5u  %-15s  %6" PRIu32 " s  ",
	    grantlist_client(g, client), grantlist_proto(g), g->port,
	    grantlist_address(g, dst), g->left);
	show_text(stdout, g->label, strnlen(g->label, sizeof(g->label)));
	putchar('\n');
}

/* Grants that it may not have. */
static void
tell_lacking(const struct control_end *end)
{
	const bool v4 = (end->lacking & MSG_FAMILY_V4) != 0;
	const bool v6 = (end->lacking & MSG_FAMILY_V6) != 0;

	if (v4 || v6)
		warnx("the firewall%s is incomplete: it may not have what is "
		    "open there; the log of dnsfw says why",
		    v4 && v6 ? "" : v4 ? " of IPv4" : " of IPv6");
}

int
grants_main(int argc, char **argv)
{
	struct control_end end;
	struct live l;
	int status;

	if (!live_arguments(&l, argc, argv, 0, 1))
		return (usage_wrong(argv[0]));
	status = live_ask(&l, CONTROL_GRANTS, CONTROL_GRANT, print_grant,
	    &end);
	if (status == CTL_YES)
		tell_lacking(&end);
	if (status == CTL_YES && end.count == 0 && !l.json)
		warnx("nothing is open%s%s", l.has_client ? " for " : "",
		    l.has_client ? argv[argc - 1] : "");
	return (status);
}
