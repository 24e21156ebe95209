/* What of the kernel dnsfw needs. */
#include "host.h"

#include <net/if.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "run.h"

/* The number in a file of /proc/sys; -1: there is no such file. */
static long
read_sysctl(const char *path)
{
	char text[32] = "";
	FILE *from = fopen(path, "re");
	long value = -1;

	if (from == NULL)
		return (-1);
	if (fgets(text, sizeof(text), from) != NULL)
		value = strtol(text, NULL, 10);
	fclose(from);
	return (value);
}

/* By interface, whatever is said for all of them. */
static bool
forwards_somewhere(uint8_t family)
{
	struct if_nameindex *all = if_nameindex(), *i;
	bool found = false;
	char path[128];

	for (i = all; i != NULL && i->if_index != 0 && !found; i++) {
		snprintf(path, sizeof(path),
		    "/proc/sys/net/%s/conf/%s/forwarding",
		    family == ADDR_V4 ? "ipv4" : "ipv6", i->if_name);
		found = read_sysctl(path) > 0;
	}
	if (all != NULL)
		if_freenameindex(all);
	return (found);
}

bool
host_forwards(uint8_t family)
{
	return (read_sysctl(family == ADDR_V4 ?
	    "/proc/sys/net/ipv4/ip_forward" :
	    "/proc/sys/net/ipv6/conf/all/forwarding") > 0 ||
	    forwards_somewhere(family));
}

static void
look_at_forwarding(const bool wanted[2], struct findings *f)
{
	if (wanted[0] && !host_forwards(ADDR_V4))
		findings_add(f, ERROR, "no-forwarding",
		    "sysctl -w net.ipv4.ip_forward=1",
		    "IPv4 is not forwarded: what is granted to clients goes "
		    "nowhere");
	if (wanted[1] && !host_forwards(ADDR_V6))
		findings_add(f, ERROR, "no-forwarding",
		    "sysctl -w net.ipv6.conf.all.forwarding=1",
		    "IPv6 is not forwarded, and the list has clients of it: "
		    "what is granted to them goes nowhere");
}

/* With one way in, nobody can come from where he is not. */
static void
look_at_sources(const struct ways_world *w, struct findings *f)
{
	long all = read_sysctl("/proc/sys/net/ipv4/conf/all/rp_filter"), own;
	struct command mend;
	char path[96], key[64 + IFNAMSIZ];
	size_t i;

	for (i = 0; w->niifs > 1 && i < w->niifs; i++) {
		snprintf(path, sizeof(path),
		    "/proc/sys/net/ipv4/conf/%s/rp_filter", w->iifs[i]);
		own = read_sysctl(path);
		if (own != 0 || all != 0)
			continue;
		/* With slashes, dots in a name are its own. */
		snprintf(key, sizeof(key), "net/ipv4/conf/%s/rp_filter=1",
		    w->iifs[i]);
		mend = (struct command){ .len = 0 };
		command_add(&mend, "sysctl -w");
		command_word(&mend, key);
		findings_add(f, WARNING, "no-rp-filter", command_text(&mend),
		    "on %s, clients can take the addresses of those of other "
		    "interfaces, and what is granted to them: rp_filter is off",
		    w->iifs[i]);
	}
}

/* Some are built in, and have no folder; then the program tells. */
static bool
has_module(const char *module, const char *program, const char *const *args)
{
	enum run_result result;
	char path[64], *text;
	size_t len;

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	if (access(path, F_OK) == 0)
		return (true);
	result = run_program(program, args, &text, &len);
	free(text);
	return (result == RUN_DONE);
}

static void
look_at_modules(const struct settings *s, struct findings *f)
{
	static const char *const tables[] = { "list", "tables", NULL };
	static const char *const sets[] = { "list", "-n", NULL };

	if (access("/proc/sys/net/netfilter/nf_conntrack_max", F_OK) != 0)
		findings_add(f, WARNING, "no-conntrack",
		    "modprobe nf_conntrack", "the kernel does not track "
		    "connections: none goes on when its grant has ended, and "
		    "no answer comes back");
	/* Without privilege, nobody else can be asked. */
	if (geteuid() != 0)
		return;
	if (!has_module("nf_tables", "nft", tables))
		findings_add(f, ERROR, "no-nf-tables", "modprobe nf_tables",
		    "the kernel has no nf_tables: neither backend works "
		    "without it");
	if (s->guard.table == NULL && !has_module("ip_set", "ipset", sets))
		findings_add(f, ERROR, "no-ip-set", "modprobe ip_set",
		    "the kernel has no ip_set, in which grants are with "
		    "--firewall iptables");
}

void
host_look(const struct settings *s, const struct ways_world *w,
    struct findings *f)
{
	if (strcmp(s->backend, "none") == 0)
		return;
	look_at_forwarding(w->wanted, f);
	look_at_sources(w, f);
	look_at_modules(s, f);
}
