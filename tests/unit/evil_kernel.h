/*
 * The real helper on a host with a firewall of its own, and what the ordinary
 * tools list of it: our sets' elements, and that all else is as it was.
 */
#ifndef EVIL_KERNEL_H
#define EVIL_KERNEL_H

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "evil.h"
#include "evil_nft.h"
#include "helper_rig.h"
#include "netns.h"

static const struct stamps_wish ipset_wish = { .ipset = true, .flows = true,
    .kill = true, .chain = "DNSFW", .max_grants = 2000 };
static const struct stamps_wish nft_wish = { .table_family = NFPROTO_INET,
    .table = "filter", .chain = "dns", .max_grants = 2000, .flows = true,
    .kill = true };

/* One element of our sets, as it was listed. */
struct element {
	bool		local;
	size_t		len;		/* of the addresses: 4 or 16 */
	struct addr	client, dst;
	unsigned int	proto, port;
	unsigned long	seconds;
	char		text[256];
};

static struct rig rig;
static bool is_ipset;
static int first_fd;	/* from here on they are the rig's */

/* What else is on the host, of both kinds, and with names like ours. */
#define HOST							\
	"set -e; iptables -N DNSFW; ip6tables -N DNSFW; "	\
	"iptables -N DNSFW2; iptables -A DNSFW2 -p tcp -j DROP; "	\
	"iptables -A FORWARD -j DNSFW; iptables -A INPUT -j DNSFW2; "	\
	"ip6tables -A FORWARD -j DNSFW; "			\
	"iptables -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE; "	\
	"ipset create DNSFW-ipv4 hash:ip,port,ip timeout 0 comment; "	\
	"ipset add DNSFW-ipv4 10.0.0.2,tcp:443,192.0.2.1 comment x; "	\
	"ipset create DNSFW-new2 hash:ip; ipset add DNSFW-new2 1.2.3.4; "	\
	"iptables -A DNSFW2 -m set --match-set DNSFW-new2 src -j DROP; "	\
	"nft add table inet filter; nft add chain inet filter dns; "	\
	"nft add rule inet filter dns counter drop; "		\
	"nft 'add chain inet filter other { type filter hook "	\
	"forward priority 0; }'; "				\
	"nft add rule inet filter other tcp dport 22 accept; "	\
	"nft 'add set inet filter dns_ipv4_allow2 { "		\
	"type ipv4_addr . inet_service; }'; "			\
	"nft 'add element inet filter dns_ipv4_allow2 { "	\
	"1.2.3.4 . 80 }'; "					\
	"nft 'add map inet filter m { type ipv4_addr : verdict; }'; "	\
	"nft 'add element inet filter m { 1.1.1.1 : drop }'; "	\
	"nft add table inet dns; nft add chain inet dns dns; "	\
	"nft add rule inet dns dns accept"

/* All of it but what is ours and what nft tells, byte by byte. */
#define NOT_OURS						\
	"exec 2>/dev/null; for t in ip ip6; do "		\
	"${t}tables-save | grep -v -e '^[#:]' -e '^-A DNSFW '; done; "	\
	"ipset save DNSFW-ipv4; ipset save DNSFW-new2; "	\
	"ipset list -n | grep -v -e '^DNSFW-ipv[46]-allow' -e '^DNSFW-new$'; "	\
	"cat /proc/net/nf_conntrack; ip address; ip rule; ip route"

/* The frames of what is ours: sets without elements, distinct rules. */
#define OURS							\
	"exec 2>/dev/null; nft -t list sets | sort -u; "	\
	"nft -s list chain inet filter dns | sort -u; "		\
	"ipset save | sed -n 's/^create \\([^ ]* [^ ]* [^ ]* [^ ]*\\).*/\\1/p';"	\
	" iptables -S DNSFW; ip6tables -S DNSFW"

static char *not_ours, *nft_theirs, *ours;

static inline void
evil_make(enum stamps_id what, uint8_t sub, uint8_t sets, uint8_t rules)
{
	struct order_make m = { .type = ORDER_MAKE, .what = (uint8_t)what,
	    .sub = sub, .sets = sets, .rules = rules };
	struct rig_answer a = rig_order(&rig, &m, sizeof(m));

	cr_assert(!a.refused && a.error == 0, "%d: %d %d", what, a.code,
	    a.error);
}

/* A helper in this process's namespace; the one before it has ended. */
static inline void
evil_start(void)
{
	if (rig.pid != 0)
		cr_assert_eq(close_range((unsigned int)first_fd, ~0U, 0), 0);
	rig_start_unbound(&rig);
	cr_assert_eq(fcntl(rig.keeper, F_SETFL, O_NONBLOCK), 0);
}

/* The host, a first helper, and its sets and rules. */
static inline void
evil_set_up(const struct stamps_wish *wish)
{
	uint8_t kind;

	is_ipset = wish->ipset;
	new_netns();
	run(HOST);
	evil_open(&rig_stamps(wish)->limits);
	first_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	evil_start();
	rig_commit(&rig, evil_bounds, EVIL_BOUNDS);
	for (kind = 0; kind < STAMPS_SUBS && is_ipset; kind++)
		evil_make(STAMP_CREATE, kind, 0, 0);
	evil_make(STAMP_RULE, 0, is_ipset ? 0 : 15, 15);
	not_ours = strdup(rig_output(NOT_OURS));
	nft_theirs = nft_not_ours();
	ours = strdup(rig_output(OURS));
	cr_assert_not_null(strstr(not_ours, "MASQUERADE"));
	cr_assert_not_null(strstr(not_ours, "DNSFW-new2"));
	cr_assert_not_null(strstr(nft_theirs, "\"name\": \"DNSFW2\""));
	cr_assert_not_null(strstr(ours, is_ipset ? "DNSFW-ipv6-allow-local" :
	    "dns_ipv6_allow_local"));
}

/* Each line of what is ours was there before, but that of a spare set. */
static inline void
judge_frames(void)
{
	char *save, *line, *text;

	text = strdup(rig_output(NOT_OURS));
	cr_assert_str_eq(text, not_ours, "the host's own:\n%s\nwas:\n%s",
	    text, not_ours);
	free(text);
	text = nft_not_ours();
	cr_assert_str_eq(text, nft_theirs, "the host's own:\n%s\nwas:\n%s",
	    text, nft_theirs);
	free(text);
	text = strdup(rig_output(OURS));
	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save))
		cr_assert(strstr(ours, line) != NULL ||
		    strncmp(line, "DNSFW-new hash:ip,port", 22) == 0,
		    "new: %s", line);
	free(text);
}

static inline void
set_address(const char *text, struct addr *a)
{
	cr_assert_eq(addr_parse(text, strlen(text), a), 0, "\"%s\"", text);
}

/* "10.0.0.2,tcp:443,192.0.2.1 timeout 59 comment "x"", or without the first. */
static inline void
parse_ipset(const char *line, struct element *e)
{
	char first[64], proto[8], second[64];
	int n;

	n = sscanf(line, "%63[^,],%7[^:]:%u,%63s timeout %lu comment", first,
	    proto, &e->port, second, &e->seconds);
	e->local = n == 3;
	if (e->local)
		n = 2 + sscanf(line, "%*[^,],%*[^:]:%u timeout %lu",
		    &e->port, &e->seconds);
	cr_assert_eq(n, e->local ? 4 : 5, "%s", line);
	cr_assert(strcmp(proto, "tcp") == 0 || strcmp(proto, "udp") == 0);
	e->proto = proto[0] == 't' ? 6 : 17;
	set_address(e->local ? first : second, &e->dst);
	if (!e->local)
		set_address(first, &e->client);
}

/* ["10.0.0.2", 6, 443, "192.0.2.1"], or without the first. */
static inline void
parse_nft(const json_t *element, struct element *e)
{
	const json_t *key = json_object_get(json_object_get(element, "val"),
	    "concat");
	const size_t n = json_array_size(key);
	char *text = json_dumps(element, 0);

	snprintf(e->text, sizeof(e->text), "%s", text != NULL ? text :
	    "no end");
	free(text);
	cr_assert(n == 3 || n == 4, "%s", e->text);
	cr_assert(json_is_integer(json_object_get(element, "timeout")), "%s",
	    e->text);
	e->local = n == 3;
	e->seconds = (unsigned long)json_integer_value(json_object_get(element,
	    "timeout"));
	e->proto = (unsigned int)json_integer_value(json_array_get(key, n - 3));
	e->port = (unsigned int)json_integer_value(json_array_get(key, n - 2));
	set_address(json_string_value(json_array_get(key, n - 1)), &e->dst);
	if (!e->local)
		set_address(json_string_value(json_array_get(key, 0)),
		    &e->client);
}

static void (*judge_one)(const struct element *);
static unsigned long judged;

/* What holds for each of them; and what the test says. */
static inline void
judge_element(struct element *e)
{
	e->len = addr_len(e->dst.family);
	cr_assert(e->local || e->client.family == e->dst.family);
	cr_assert(e->seconds > 0 || !is_ipset, "for ever: %s", e->text);
	cr_assert_leq(e->seconds, EVIL_LEFT_MAX / 1000, "%s", e->text);
	judge_one(e);
	judged++;
}

static inline void
judge_nft(const json_t *element)
{
	struct element e = { 0 };

	parse_nft(element, &e);
	judge_element(&e);
}

static inline void
judge_ipset(void)
{
	char *save, *line, *text = strdup(rig_output("ipset save | sed -n "
	    "'s/^add DNSFW-\\(ipv[46]-allow[^ ]*\\|new\\) //p'"));
	struct element e;

	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		memset(&e, 0, sizeof(e));
		snprintf(e.text, sizeof(e.text), "%s", line);
		parse_ipset(line, &e);
		judge_element(&e);
	}
	free(text);
}

/* All elements of our sets; returns how many there are. */
static inline unsigned long
judge_elements(void (*judge)(const struct element *))
{
	judge_one = judge;
	judged = 0;
	if (is_ipset)
		judge_ipset();
	else
		nft_each_element(judge_nft);
	return (judged);
}

/* It ended with this status, and said so. */
static inline void
evil_end(enum order_end why, int detail)
{
	int status;
	struct order_error e = rig_end(&rig, &status);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == (int)why,
	    "status %#x, expected %d", status, (int)why);
	/* Who does not read is not told. */
	cr_assert(e.why == 0 || (e.why == why && (detail == -1 ||
	    e.detail == (uint32_t)detail)), "%u, %u", e.why, e.detail);
}

#endif
