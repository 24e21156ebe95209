/* What the network and this host refuse. */
#include "back_udp_rig.h"

/* What says that the question is not there, with n octets of it. */
static void
send_icmp(const struct question *q, uint8_t code, const uint8_t *quote,
    size_t n)
{
	struct {
		struct icmphdr	icmp;
		struct iphdr	ip;
		struct udphdr	udp;
		uint8_t		quote[SIZE];
	} m;
	const struct sockaddr_in *to = (const void *)&q->from;
	size_t len = offsetof(typeof(m), quote) + n, i;
	const uint8_t *octets = (const uint8_t *)&m;
	uint32_t sum = 0;
	int fd;

	memset(&m, 0, sizeof(m));
	m.icmp.type = ICMP_DEST_UNREACH;
	m.icmp.code = code;
	m.ip.version = 4;
	m.ip.ihl = 5;
	m.ip.tot_len = htons((uint16_t)(len - sizeof(m.icmp)));
	m.ip.protocol = IPPROTO_UDP;
	m.ip.saddr = m.ip.daddr = to->sin_addr.s_addr;
	m.udp.source = to->sin_port;
	m.udp.dest = ((struct sockaddr_in *)(void *)&servers[V4])->sin_port;
	m.udp.len = htons(sizeof(m.udp) + SIZE);
	memcpy(m.quote, quote, n);
	for (i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)octets[i] << 8 : octets[i];
	sum = (sum >> 16) + (sum & 0xffff);
	m.icmp.checksum = htons((uint16_t)~(sum + (sum >> 16)));
	fd = __real_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	cr_assert_neq(fd, -1);
	cr_assert_eq(sendto(fd, &m, len, 0, (const struct sockaddr *)to,
	    sizeof(*to)), (ssize_t)len, "%s", strerror(errno));
	close(fd);
}

/* --- ICMP --- */

Test(back_udp, nobody_listens)
{
	close(server_fds[V4]);
	close(server_fds[V6]);
	begin(&mine[0]);
	cr_assert(begin_at(V6, &mine[1]));
	turn();
	turn();
	cr_assert_eq(mine[0].nfailed, 1);
	cr_assert_eq(mine[1].nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_NONE);
	cr_assert_eq(nsilent, 2);
	cr_assert_eq(mine[0].ndoubted + mine[1].ndoubted, 0);
}

Test(back_udp, an_error_without_the_id_ends_nothing)
{
	struct question q;
	uint8_t other[SIZE];
	unsigned int i;

	begin(&mine[0]);
	turn();
	receive(&q);
	memcpy(other, q.msg, SIZE);
	other[1] ^= 1;
	/* What is read before has the id, and no error takes that for its own. */
	reply(&q, 'B');
	turn();
	cr_assert_eq(mine[0].narrived, 1);
	send_icmp(&q, ICMP_PORT_UNREACH, q.msg, 0);
	turn();
	send_icmp(&q, ICMP_PORT_UNREACH, q.msg, 1);
	turn();
	send_icmp(&q, ICMP_PORT_UNREACH, other, SIZE);
	turn();
	cr_assert_eq(mine[0].ndoubted, 3);
	cr_assert_eq(counters.junk, 3);
	/* Many at a time: all are read, and none is left over. */
	for (i = 0; i < 5; i++)
		send_icmp(&q, ICMP_PORT_UNREACH, other, SIZE);
	for (i = 0; i < 6; i++)
		turn();
	cr_assert_eq(mine[0].ndoubted, 8);
	cr_assert_eq(mine[0].nfailed + nsilent, 0);
	kernel.recvs = 0;
	turn();
	cr_assert_eq(kernel.recvs, 0);
	reply(&q, 'A');
	turn();
	cr_assert_eq(mine[0].narrived, 2);
	cr_assert_null(mine[0].t);
	cr_assert_eq(kernel.sockets, 1);
}

Test(back_udp, an_error_with_the_id_fails)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	send_icmp(&q, ICMP_PORT_UNREACH, q.msg, 2);
	turn();
	cr_assert_eq(mine[0].nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_NONE);
	cr_assert_eq(nsilent, 1);
}

Test(back_udp, an_error_meets_no_other_question)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	send_icmp(&q, ICMP_PORT_UNREACH, q.msg, SIZE);
	end(&mine[0]);
	ask_at(V4, &mine[1], &q);
	cr_assert_eq(mine[1].narrived, 1);
	cr_assert_eq(mine[0].nfailed + mine[1].nfailed + nsilent, 0);
}

/* A router says so; a moment later there may be a way. */
Test(back_udp, no_way_there_may_pass)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	send_icmp(&q, ICMP_HOST_UNREACH, q.msg, SIZE);
	turn();
	cr_assert_eq(mine[0].nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_UNSENT);
	cr_assert_eq(nsilent, 0);
}

/* --- what this host refuses --- */

Test(back_udp, what_cannot_be_sent_may_pass)
{
	static const int errors[] = { EPERM, EADDRNOTAVAIL, ENETUNREACH,
	    ENOBUFS, EAGAIN, ENOMEM };
	struct question q;
	struct mine *m;
	unsigned int i;

	for (i = 0; i < 12; i++) {
		m = &mine[i];
		begin(m);
		*(i % 2 == 0 ? &kernel.connect : &kernel.send) = errors[i / 2];
		turn();
		kernel.connect = kernel.send = 0;
		cr_assert_eq(m->nfailed, 1, "%s", strerror(errors[i / 2]));
		cr_assert_eq(m->way, WAY_UNSENT);
		ask_at(V4, m, &q);
	}
	cr_assert_eq(nsilent, 0);
	cr_assert_eq(kernel.sockets, 1);
}

static void
ask_once_more(struct mine *m)
{
	if (m->nfailed == 1)
		begin(m);
}

/* In the same flush; whether it may be is the owner's. */
Test(back_udp, what_fails_may_be_asked_again_at_once)
{
	kernel.send = EPERM;
	on_failure = ask_once_more;
	begin(&mine[0]);
	begin(&mine[1]);
	turn();
	cr_assert_eq(mine[0].nfailed, 2);
	cr_assert_eq(mine[1].nfailed, 2);
}

Test(back_udp, without_a_socket_there_is_no_attempt)
{
	int *refusals[] = { &kernel.socket, &kernel.option, &kernel.event };
	struct question q;
	unsigned int i, k;
	int fd = dup(0);

	close(fd);
	settings.config.max_connections = 1;
	for (k = 0; k < 10; k++) {
		for (i = 0; i < 3; i++) {
			*refusals[i] = ENOMEM;
			cr_assert(!begin_at(V4, &mine[0]));
			*refusals[i] = 0;
		}
		kernel.calloc = true;
		cr_assert(!begin_at(V4, &mine[0]));
		kernel.calloc = false;
	}
	/* Nothing is left of them. */
	cr_assert_eq(dup(0), fd);
	close(fd);
	ask_at(V4, &mine[0], &q);
}

Test(back_udp, a_socket_that_keeps_its_port_is_not_used_again)
{
	struct question late, q;

	begin(&mine[0]);
	turn();
	receive(&late);
	kernel.disconnect = ENOMEM;
	end(&mine[0]);
	kernel.disconnect = 0;
	begin(&mine[1]);
	turn();
	reply(&late, 'B');
	receive(&q);
	reply(&q, 'A');
	turn();
	cr_assert_eq(mine[1].narrived, 1);
	cr_assert_eq(kernel.sockets, 2);
}
