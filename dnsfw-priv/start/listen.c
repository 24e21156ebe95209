/* The sockets on which queries come. */
#include "listen.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <linux/filter.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "log.h"
#include "sockbuf.h"

#define UDP_BUFFER	(4 << 20)
#define TCP_BACKLOG	1024
#define TCP_BUFFER	(16 << 10)

static void
set_option(int fd, int level, int name, int value, const char *text)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) == -1)
		fatal("setsockopt %s", text);
}

/* [::] serves IPv4, too, unless 0.0.0.0 is bound by itself. */
static int
v6_only(const struct keepconf *k)
{
	static const struct addr any = { .family = ADDR_V4 };
	size_t i;

	for (i = 0; i < k->binds.n; i++) {
		if (addr_equal(&k->binds.at[i].addr, &any))
			return (1);
	}
	return (0);
}

/*
 * The workers' sockets of one address are a group, in which this program gives
 * each packet to socket number "hash of the client's address modulo workers".
 * It sees the IP header, so an IPv4 client is the same on an IPv6 socket.
 */
static void
attach_choice(int fd, uint32_t workers)
{
	const uint32_t ip = (uint32_t)SKF_NET_OFF;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ip),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
		/* IPv4 (RFC 791): the source */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 12),
		BPF_STMT(BPF_JMP | BPF_JA, 10),
		/* IPv6 (RFC 8200): its four words */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 8),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 12),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 16),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 20),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		/* neighbours go to different workers (Knuth) */
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_STMT(BPF_RET | BPF_A, 0)
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]),
	    .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
	    sizeof(program)) == -1)
		fatal("SO_ATTACH_REUSEPORT_CBPF");
}

/*
 * What a dnsfw before us has left may still be on its way to its end: so one
 * second, in all, is not too long for a port.
 */
static int
patient_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	static unsigned int patience = 1000;	/* ms */

	while (bind(fd, sa, len) == -1) {
		if (errno != EADDRINUSE || patience == 0)
			return (-1);
		patience -= 50;
		(void)poll(NULL, 0, 50);
		errno = EADDRINUSE;
	}
	return (0);
}

/*
 * bind.  An address that no interface has yet (a VRRP standby's, a tentative
 * one, one of a link that is down) is bound all the same, and *later is true.
 */
static int
bind_socket(int fd, const struct sockaddr_storage *ss, socklen_t len,
    bool *later)
{
	const struct sockaddr *sa = (const struct sockaddr *)ss;

	*later = false;
	if (patient_bind(fd, sa, len) == 0)
		return (0);
	if (errno != EADDRNOTAVAIL)
		return (-1);
	*later = true;
	if (sa->sa_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1,
		    "IPV6_FREEBIND");
	else
		set_option(fd, IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND");
	return (bind(fd, sa, len));
}

static void __attribute__((noreturn))
not_bound(const char *text, uint32_t port, int type)
{
	bool udp = type == SOCK_DGRAM;

	if (errno == EADDRINUSE)
		fatalx("cannot listen on %s port %u (%s; --bind, --bind-port): "
		    "the port is in use ('ss -ln%cp' tells by which program)",
		    text, port, udp ? "UDP" : "TCP", udp ? 'u' : 't');
	fatal("cannot listen on %s port %u (%s; --bind, --bind-port)", text,
	    port, udp ? "UDP" : "TCP");
}

/* A group takes further members silently: is anybody there already? */
static void
check_free(const struct sockaddr_storage *ss, socklen_t len, int v6only,
    const char *text, uint32_t port)
{
	int fd = socket(ss->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool later;

	if (fd == -1)
		fatal("socket");
	if (ss->ss_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only,
		    "IPV6_V6ONLY");
	if (bind_socket(fd, ss, len, &later) == -1)
		not_bound(text, port, SOCK_DGRAM);
	close(fd);
}

static int
bound_socket(const struct keepconf *k, const struct host *host, int type,
    unsigned int worker)
{
	const struct addr *a = &host->addr;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(a, (uint16_t)k->bind_port,
	    host->scope, &ss);
	char text[HOST_TEXT_MAX];
	bool later;
	int fd;

	host_print(host, text);
	if (k->nworkers > 1 && worker == 0 && type == SOCK_DGRAM)
		check_free(&ss, len, v6_only(k), text, k->bind_port);
	fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		fatal("socket for %s", text);
	if (k->nworkers > 1)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
	if (a->family == ADDR_V6) {
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only(k),
		    "IPV6_V6ONLY");
	}
	if (type == SOCK_DGRAM) {
		/* The answer leaves from the address that was asked. */
		if (a->family == ADDR_V6)
			set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1,
			    "IPV6_RECVPKTINFO");
		else
			set_option(fd, IPPROTO_IP, IP_PKTINFO, 1,
			    "IP_PKTINFO");
		sockbuf_receive(fd, UDP_BUFFER);
	} else {
		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
		/* Inherited by each connection: no answer waits for an ACK. */
		set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
		/* The same: what one sends ahead, the worker's time pays (D21). */
		set_option(fd, SOL_SOCKET, SO_RCVBUF, TCP_BUFFER, "SO_RCVBUF");
	}
	if (bind_socket(fd, &ss, len, &later) == -1)
		not_bound(text, k->bind_port, type);
	if (later && worker == 0 && type == SOCK_DGRAM)
		log_warn("no interface has the address %s (--bind) yet: "
		    "queries there are answered as soon as one has it", text);
	if (type == SOCK_STREAM && listen(fd, TCP_BACKLOG) == -1)
		not_bound(text, k->bind_port, type);
	if (k->nworkers > 1 && worker == 0)
		attach_choice(fd, k->nworkers);
	return (fd);
}

size_t
listen_open(const struct keepconf *k, unsigned int worker,
    int fds[LISTEN_MAX])
{
	size_t i;

	for (i = 0; i < k->binds.n; i++) {
		fds[2 * i] = bound_socket(k, &k->binds.at[i], SOCK_DGRAM,
		    worker);
		fds[2 * i + 1] = bound_socket(k, &k->binds.at[i], SOCK_STREAM,
		    worker);
	}
	return (2 * k->binds.n);
}
