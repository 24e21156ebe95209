/* The list that is suggested. */
#include "propose.h"

#include <netinet/in.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "json.h"

#define CLIENTS_LINE	6	/* in a line of a group */
#define CLIENT_TEXT	(ADDR_TEXT_MAX + 4)
#define TIME_TEXT	32

/* --- parts of a rule --- */

static const char *
client_text(const struct want *p, char buf[CLIENT_TEXT])
{
	char address[ADDR_TEXT_MAX];

	addr_print(&p->client.base, address);
	if (p->client.prefix == 8 * addr_len(p->client.base.family))
		snprintf(buf, CLIENT_TEXT, "%s", address);
	else
		snprintf(buf, CLIENT_TEXT, "%s/%u", address, p->client.prefix);
	return (buf);
}

/* Without the final dot. */
static const char *
name_text(const struct want *p, char buf[DNS_NAME_TEXT_MAX + 2])
{
	size_t len;

	memcpy(buf, "*.", 2);
	len = dns_name_print(&p->name, buf + 2);
	buf[2 + len - 1] = '\0';
	return (p->wildcard ? buf : buf + 2);
}

static const char *
time_text(time_t when, bool json, char buf[TIME_TEXT])
{
	struct tm tm;

	if (json)
		(void)strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ",
		    gmtime_r(&when, &tm));
	else
		(void)strftime(buf, TIME_TEXT, "%Y-%m-%d %H:%M",
		    localtime_r(&when, &tm));
	return (buf);
}

/* Of all its clients. */
static struct want
total_of(const struct need *need)
{
	struct want sum = { .count = 0 };
	size_t i;

	for (i = 0; i < need->n; i++) {
		want_count(&sum, need->wants[i]->count, need->wants[i]->first,
		    need->wants[i]->last);
		sum.more |= need->wants[i]->more;
	}
	return (sum);
}

/* How often, from when to when, and what is not known. */
static void
print_comment(const struct need *need)
{
	const struct want sum = total_of(need);
	char first[TIME_TEXT], last[TIME_TEXT];

	printf("\t# %" PRIu64 " time%s", sum.count, sum.count == 1 ? "" : "s");
	if (sum.last != 0) {
		time_text(sum.first, false, first);
		time_text(sum.last, false, last);
		printf(", %s", first);
		if (strcmp(first, last) != 0)
			printf(" to %s", last);
	}
	if (need->wants[0]->unknown)
		printf("; no port is known, so the name alone");
	if (sum.more)
		printf("; and to more ports");
	putchar('\n');
}

/* --- groups --- */

/* The number of a new group, or 0: there are too many. */
static unsigned int
new_group(struct propose *o)
{
	if (o->groups_left == 0)
		return (0);
	o->groups_left--;
	return (++o->group);
}

static void
print_client_group(const struct need *need, unsigned int group)
{
	char buf[CLIENT_TEXT];
	size_t i;

	for (i = 0; i < need->n; i++) {
		if (i % CLIENTS_LINE == 0)
			printf("%s@clients%u %s ", i == 0 ? "" : "\n", group,
			    i == 0 ? "=" : "+=");
		else
			printf(", ");
		printf("%s", client_text(need->wants[i], buf));
	}
	putchar('\n');
}

/* Names that are wanted for the same, each with its comment. */
static void
print_name_group(const struct need *needs, size_t n, unsigned int group)
{
	char buf[DNS_NAME_TEXT_MAX + 2];
	size_t i;

	for (i = 0; i < n; i++) {
		printf("@names%u %s %s", group, i == 0 ? "=" : "+=",
		    name_text(needs[i].wants[0], buf));
		print_comment(&needs[i]);
	}
}

/* --- rules --- */

/* Ports of that protocol; false: it has none. */
static bool
propose_ports(const struct want *p, uint8_t proto)
{
	bool any = false;
	uint32_t i;

	for (i = 0; i < p->nports; i++) {
		if (p->ports[i] >> 16 != proto)
			continue;
		if (!any)
			printf(":%s:", proto == IPPROTO_TCP ? "TCP" : "UDP");
		printf("%s%" PRIu32, any ? "," : "", p->ports[i] & 0xffff);
		any = true;
	}
	return (any);
}

static bool
has_proto(const struct want *p, uint8_t proto)
{
	uint32_t i;

	for (i = 0; i < p->nports; i++)
		if (p->ports[i] >> 16 == proto)
			return (true);
	return (false);
}

/* The end of a rule's line; the first one has the comment of its name. */
static void
end_rule(const struct need **commented)
{
	if (*commented == NULL)
		putchar('\n');
	else
		print_comment(*commented);
	*commented = NULL;
}

/* All rules of these clients for that name, or group of names. */
static void
print_name_rules(const struct need *need, const char *clients,
    const char *names, const struct need *commented)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	const struct want *p = need->wants[0];
	size_t i;

	for (i = 0; i < 2; i++) {
		if (!has_proto(p, protos[i]))
			continue;
		printf("%s -> %s", clients, names);
		(void)propose_ports(p, protos[i]);
		end_rule(&commented);
	}
	if (!p->resolve && !p->unknown)
		return;
	printf("%s ~> %s", clients, names);
	end_rule(&commented);
}

/* n needs of the same clients and things; clients is how they are called. */
static void
propose_names(const struct need *needs, size_t n, const char *clients,
    unsigned int names)
{
	char buf[DNS_NAME_TEXT_MAX + 2];
	size_t i;

	if (names != 0) {
		snprintf(buf, sizeof(buf), "@names%u", names);
		print_name_rules(needs, clients, buf, NULL);
		return;
	}
	for (i = 0; i < n; i++)
		print_name_rules(&needs[i], clients,
		    name_text(needs[i].wants[0], buf), &needs[i]);
}

static void
propose_things(struct propose *o, const struct need *needs, size_t n,
    unsigned int group)
{
	unsigned int names = n > 1 ? new_group(o) : 0;
	char clients[CLIENT_TEXT];
	size_t i;

	if (names != 0)
		print_name_group(needs, n, names);
	if (group != 0) {
		snprintf(clients, sizeof(clients), "@clients%u", group);
		propose_names(needs, n, clients, names);
		return;
	}
	for (i = 0; i < needs[0].n; i++)
		propose_names(needs, n, client_text(needs[0].wants[i], clients),
		    names);
}

/* --- JSON --- */

static void
json_names(struct json *j, const struct need *needs, size_t n)
{
	char buf[DNS_NAME_TEXT_MAX + 2];
	struct want sum;
	size_t i;

	json_begin(j, "names", '[');
	for (i = 0; i < n; i++) {
		sum = total_of(&needs[i]);
		json_begin(j, NULL, '{');
		json_text(j, "name", name_text(needs[i].wants[0], buf));
		json_number(j, "count", sum.count);
		if (sum.last != 0) {
			json_text(j, "first", time_text(sum.first, true, buf));
			json_text(j, "last", time_text(sum.last, true, buf));
		}
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void
json_things(const struct need *needs, size_t n)
{
	const struct want *p = needs->wants[0];
	struct json j = { .to = stdout };
	char buf[CLIENT_TEXT];
	size_t i;

	json_begin(&j, NULL, '{');
	json_begin(&j, "clients", '[');
	for (i = 0; i < needs->n; i++)
		json_text(&j, NULL, client_text(needs->wants[i], buf));
	json_end(&j, ']');
	json_names(&j, needs, n);
	json_begin(&j, "allow", '[');
	for (i = 0; i < p->nports; i++) {
		snprintf(buf, sizeof(buf), "%s:%" PRIu32, p->ports[i] >> 16 ==
		    IPPROTO_UDP ? "udp" : "tcp", p->ports[i] & 0xffff);
		json_text(&j, NULL, buf);
	}
	json_end(&j, ']');
	json_bool(&j, "resolve", p->resolve || p->unknown);
	json_bool(&j, "ports_known", !p->unknown);
	json_end(&j, '}');
	json_line(&j);
}

/* --- all --- */

void
propose_rules(struct propose *o, const struct needs *needs)
{
	unsigned int group = 0;
	size_t i, run;

	for (i = 0; i < needs->n; i += run) {
		for (run = 1; i + run < needs->n && needs_same_clients(
		    &needs->at[i], &needs->at[i + run]) && needs_same_things(
		    &needs->at[i], &needs->at[i + run]); run++)
			;
		if (o->json) {
			json_things(&needs->at[i], run);
			continue;
		}
		if (i == 0 ||
		    !needs_same_clients(&needs->at[i - 1], &needs->at[i])) {
			putchar('\n');
			group = needs->at[i].n > 1 ? new_group(o) : 0;
			if (group != 0)
				print_client_group(&needs->at[i], group);
		}
		propose_things(o, &needs->at[i], run, group);
	}
}

void
propose_blocked(const struct propose *o, const struct want *p, const char *file,
    uint32_t line)
{
	char client[CLIENT_TEXT], name[DNS_NAME_TEXT_MAX + 2];
	struct json j = { .to = stdout };

	client_text(p, client);
	if (!o->json) {
		printf("# blocked by %s:%" PRIu32 ": %s for %s\n", file, line,
		    name_text(p, name), client);
		return;
	}
	json_begin(&j, NULL, '{');
	json_text(&j, "client", client);
	json_text(&j, "name", name_text(p, name));
	json_text(&j, "file", file);
	json_number(&j, "blocked", line);
	json_end(&j, '}');
	json_line(&j);
}
