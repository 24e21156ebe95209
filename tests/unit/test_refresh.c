/*
 * A refresh leaves no gap: while grants are refreshed, no packet meets a set
 * without them.  Each test is in a network namespace of its own.
 */
#include <criterion/criterion.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "backend.h"
#include "clock.h"
#include "netns.h"

#define PORT		9000
#define REFRESHES	20000
#define TRIES_MAX	100000
#define PATIENCE	60000	/* ms for the sender to start */

/* What the sender counts: nothing but rules makes send fail. */
static struct counts {
	atomic_ulong	sent;
	atomic_ulong	denied;
	atomic_bool	stop;
} *counts;

static struct backend_config config = { .chain = "dnsfw", .table = "filter",
    .table_family = NFPROTO_INET, .max_grants = 1000 };

static void
nothing_to_refill(unsigned int kinds)
{
	(void)kinds;
}

static void
start(const struct backend *b)
{
	uint8_t families;

	b->open(&config);
	cr_assert_eq(b->check(&families), 0);
	cr_assert_eq(b->prepare(families, nothing_to_refill), 0);
}

/* A child that sends from 127.0.0.1 to 127.0.0.2 as fast as it can. */
static void
send_on_and_on(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons(PORT) };
	int fd, sink;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	inet_pton(AF_INET, "127.0.0.2", &to.sin_addr);
	sink = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(sink, (struct sockaddr *)&to, sizeof(to)) == -1)
		_exit(1);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	to.sin_port = 0;
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		_exit(1);
	to.sin_port = htons(PORT);
	inet_pton(AF_INET, "127.0.0.2", &to.sin_addr);
	while (!counts->stop) {
		if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to,
		    sizeof(to)) == 1)
			counts->sent++;
		else if (errno == EPERM)
			counts->denied++;
		else
			_exit(1);
	}
	_exit(0);
}

static pid_t
start_sender(void)
{
	pid_t pid;

	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(counts, MAP_FAILED);
	pid = fork();
	cr_assert_neq(pid, -1);
	if (pid == 0)
		send_on_and_on();
	return (pid);
}

/* Wait until the sender has sent one more. */
static void
one_more(void)
{
	unsigned long before = counts->sent;
	int i;

	for (i = 0; i < PATIENCE && counts->sent == before; i++)
		poll(NULL, 0, 1);
	cr_assert_neq(counts->sent, before, "nothing is sent");
}

static void
refresh(const struct backend *b, struct backend_add *add, unsigned int n)
{
	add->left = (100 + n / 10) * CLOCK_SECOND;
	b->add(add, 1);
	cr_assert_eq(add->code, RESULT_OK);
}

static void
no_gap(const struct backend *b)
{
	struct msg_grant g = { .type = MSG_GRANT, .family = ADDR_V4,
	    .proto = IPPROTO_UDP, .port = PORT, .client = { 127, 0, 0, 1 },
	    .dst = { 127, 0, 0, 2 }, .label = "a.example." };
	struct backend_add add = { .grant = &g };
	unsigned int i;
	int status;
	pid_t pid;

	refresh(b, &add, 0);
	pid = start_sender();
	one_more();
	cr_assert_eq(counts->denied, 0);
	for (i = 0; i < REFRESHES; i++)
		refresh(b, &add, i);
	one_more();
	cr_assert_eq(counts->denied, 0, "%lu denied, %lu sent",
	    counts->denied, counts->sent);
	/* The sender does notice a gap as short as there can be. */
	for (i = 0; i < TRIES_MAX && counts->denied == 0; i++) {
		b->remove(&add, 1);
		refresh(b, &add, i);
	}
	cr_assert_neq(counts->denied, 0);
	counts->stop = true;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

Test(refresh, F1_no_gap, .timeout = 300)
{
	new_netns();
	run("ip link set lo up && iptables -N dnsfw && iptables -A OUTPUT -p "
	    "udp -j dnsfw && iptables -P OUTPUT DROP");
	start(&backend_ipset);
	no_gap(&backend_ipset);
}

Test(refresh, F2_no_gap, .timeout = 300)
{
	new_netns();
	run("ip link set lo up && nft 'table inet filter { chain dnsfw { }; "
	    "chain output { type filter hook output priority 0; policy drop; "
	    "jump dnsfw; }; }'");
	start(&backend_nftables);
	no_gap(&backend_nftables);
}
