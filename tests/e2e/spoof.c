/*
 * An off-path forger of DNS answers: sends many UDP datagrams, each the true
 * answer but for exactly one thing, from addresses that are not its own (raw
 * sockets, so as root).
 *
 *	spoof SERVER CLIENT PORT COUNT RATE SEED < answer
 *
 * The answer on standard input (with one question, and a name that is not the
 * root) is what SERVER, port 53, would send to CLIENT:PORT.  RATE is datagrams
 * a second.  Prints how many of each kind were sent.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX	1200
#define HEADER		12	/* octets of a DNS header */
#define DNS_PORT	53
#define BATCH		64	/* datagrams between two looks at the clock */
#define SECOND		1000000000LL

enum kind {
	BAD_ID, BAD_PORT, BAD_ADDRESS, BAD_SERVER_PORT, BAD_NAME, BAD_TYPE,
	BAD_CLASS, BAD_LENGTH, BAD_OPCODE, BAD_QR, BAD_COUNT, KINDS
};

static const char *const kind_names[KINDS] = {
	[BAD_ID] = "id", [BAD_PORT] = "port", [BAD_ADDRESS] = "address",
	[BAD_SERVER_PORT] = "server-port", [BAD_NAME] = "name",
	[BAD_TYPE] = "type", [BAD_CLASS] = "class", [BAD_LENGTH] = "length",
	[BAD_OPCODE] = "opcode", [BAD_QR] = "qr", [BAD_COUNT] = "count",
};

struct datagram {
	struct ip	ip;
	struct udphdr	udp;
	uint8_t		dns[ANSWER_MAX];
	size_t		len;		/* of dns */
};

static uint64_t state;

/* splitmix64: a counter, mixed. */
static uint64_t
draw(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15U);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return (z ^ z >> 31);
}

/* A number from 1 to n. */
static uint32_t
roll(uint32_t n)
{
	return (1 + (uint32_t)(draw() % n));
}

/* Change 16 bits in network order to any other value. */
static void
other_u16(void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	v = htons((uint16_t)(ntohs(v) + roll(UINT16_MAX)));
	memcpy(at, &v, sizeof(v));
}

/* The octets of the question with its type and class. */
static size_t
question_size(const struct datagram *d)
{
	size_t at = HEADER;

	while (at < d->len && d->dns[at] != 0)
		at += d->dns[at] + 1U;
	if (at == HEADER || at + 5 > d->len)
		errx(1, "not an answer with a question");
	return (at + 5 - HEADER);
}

/*
 * Another name of the same length: one octet of a label is another letter.
 * The last label of a name is never empty, so its last octet is one.
 */
static void
other_name(struct datagram *d, size_t question)
{
	uint8_t *letter = d->dns + HEADER + question - 6;

	*letter = (*letter | 0x20) == 'q' ? 'x' : 'q';	/* of either case */
}

static void
spoil(struct datagram *d, enum kind kind)
{
	size_t question = question_size(d);

	switch (kind) {
	case BAD_ID:
		other_u16(d->dns);
		break;
	case BAD_PORT:
		other_u16(&d->udp.uh_dport);
		break;
	case BAD_ADDRESS:
		d->ip.ip_src.s_addr ^= htonl(roll(255));
		break;
	case BAD_SERVER_PORT:
		other_u16(&d->udp.uh_sport);
		break;
	case BAD_NAME:
		other_name(d, question);
		break;
	case BAD_TYPE:
		other_u16(d->dns + HEADER + question - 4);
		break;
	case BAD_CLASS:
		other_u16(d->dns + HEADER + question - 2);
		break;
	case BAD_LENGTH:	/* ends before the question does */
		d->len = roll((uint32_t)(HEADER + question)) - 1;
		break;
	case BAD_OPCODE:
		d->dns[2] ^= (uint8_t)(roll(15) << 3);
		break;
	case BAD_QR:
		d->dns[2] ^= 0x80;
		break;
	case BAD_COUNT:
		other_u16(d->dns + 4);
		break;
	case KINDS:
		break;
	}
}

/* Header lengths and what the kernel does not fill in. */
static size_t
finish(struct datagram *d)
{
	size_t udp = sizeof(d->udp) + d->len;

	d->ip.ip_len = htons((uint16_t)(sizeof(d->ip) + udp));
	d->udp.uh_ulen = htons((uint16_t)udp);
	return (sizeof(d->ip) + udp);
}

static long long
now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (ts.tv_sec * SECOND + ts.tv_nsec);
}

/* Until the time has come that the nth datagram may leave: a rate. */
static void
pace(long long start, uint64_t n, uint64_t rate)
{
	long long left, due = start + (long long)(n * SECOND / rate);
	struct timespec ts;

	while ((left = due - now()) > 0) {
		ts.tv_sec = left / SECOND;
		ts.tv_nsec = left % SECOND;
		ppoll(NULL, 0, &ts, NULL);
	}
}

static uint64_t
number(const char *what, const char *text, uint64_t max)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text == '-' || *text == '\0' || *end != '\0' || errno != 0 ||
	    v == 0 || v > max)
		errx(2, "%s: %s is not a number from 1 to %llu", what, text,
		    (unsigned long long)max);
	return (v);
}

static struct in_addr
address(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		errx(2, "%s is not an IPv4 address", text);
	return (a);
}

static void
read_answer(struct datagram *d)
{
	d->len = fread(d->dns, 1, sizeof(d->dns), stdin);
	if (ferror(stdin) || d->len == sizeof(d->dns))
		errx(1, "cannot read the answer");
	question_size(d);
}

static void
flood(const struct datagram *truth, uint64_t count, uint64_t rate)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_addr = truth->ip.ip_dst };
	uint64_t sent[KINDS] = { 0 }, n;
	long long start = now();
	struct datagram d;
	unsigned int kind;
	int fd;

	if ((fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW)) == -1)
		err(1, "raw socket");
	for (n = 0; n < count; n++) {
		kind = (unsigned int)(n % KINDS);
		d = *truth;
		spoil(&d, kind);
		if (sendto(fd, &d, finish(&d), 0, (struct sockaddr *)&to,
		    sizeof(to)) == -1) {
			if (errno != ENOBUFS)
				err(1, "sendto");
			n--;
			pace(now() + SECOND / 1000, 0, rate);
			continue;
		}
		sent[kind]++;
		if (n % BATCH == 0)
			pace(start, n, rate);
	}
	close(fd);
	for (kind = 0; kind < KINDS; kind++)
		printf("%s %llu\n", kind_names[kind],
		    (unsigned long long)sent[kind]);
}

int
main(int argc, char **argv)
{
	struct datagram d = { .ip = { .ip_v = 4, .ip_hl = 5, .ip_ttl = 64,
	    .ip_p = IPPROTO_UDP } };

	if (argc != 7)
		errx(2, "usage: spoof SERVER CLIENT PORT COUNT RATE SEED");
	d.ip.ip_src = address(argv[1]);
	d.ip.ip_dst = address(argv[2]);
	d.udp.uh_sport = htons(DNS_PORT);
	d.udp.uh_dport = htons((uint16_t)number("PORT", argv[3], UINT16_MAX));
	state = number("SEED", argv[6], UINT64_MAX);
	read_answer(&d);
	flood(&d, number("COUNT", argv[4], UINT32_MAX),
	    number("RATE", argv[5], 10000000));
	return (0);
}
