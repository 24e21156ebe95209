/* The image's check, its size and cost (A8), and the policy's bounds (P7). */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/bounds.h"
#include "acl/compile.h"
#include "acl/decide.h"
#include "acl/hosts.h"
#include "acl/image.h"
#include "acl/layout.h"
#include "addrtext.h"
#include "compile_text.h"
#include "msg.h"

static const char example[] =
    "10.0.0.0/8 -> *.example.com:TCP:443\n"
    "10.0.0.0/8 -> *.example.com:UDP:443\n"
    "10.0.0.1 -| ads.example.com = 192.0.2.1\n"
    "10.0.0.2 -| ads.example.com\n"
    "2001:db8::/32 -| ads.example.com = 2001:db8::1\n"
    "::1 ~> *\n";

/* The first two clients have a set, the third that and its own. */
static const char shared[] =
    "@lan = 10.0.0.0/8, 2001:db8::/32, 10.0.0.1\n"
    "@names = ads.example.com, *.example.com\n"
    "@lan -> @names, *:TCP:443,80\n"
    "10.0.0.1 ~> ads.example.com\n";

static const char hosts[] =
    "@a = host 10.0.0.1, 2001:db8::/64, ::2\n"
    "@b = host 10.0.0.2, 10.0.0.3\n"
    "@a -> *.example.com:TCP:443\n";

static void
fail_on_error(void *arg, unsigned int line, unsigned int column,
    const char *text)
{
	(void)arg;
	cr_assert_fail("%u:%u %s", line, column, text);
}

static void
compile(const char *text, struct acl_compiled *c)
{
	cr_assert_eq(compile_text(text, strlen(text), false, fail_on_error,
	    NULL, c), 0);
}

static void
expect_refused(const void *image, size_t size, const char *expected)
{
	const char *why = NULL;

	cr_assert_null(acl_image_open(image, size, &why));
	cr_assert_str_eq(why, expected);
}

static void
expect_bad(const struct acl_image *image, size_t size, const char *expected)
{
	const char *why;

	cr_assert_eq(acl_image_open(image, size, &why), image);
	cr_assert_str_eq(acl_image_check(image), expected);
}

/* Ask for every kind of client and name; only the sanitizer judges. */
static void
decide_a_lot(const struct acl_image *image)
{
	static const struct addr clients[] = {
		{ ADDR_V4, { 10, 0, 0, 1 } }, { ADDR_V4, { 10, 0, 0, 2 } },
		{ ADDR_V6, { [15] = 1 } },
		{ ADDR_V6, { 0x20, 0x01, 0x0d, 0xb8 } }, { 0, { 0 } },
	};
	static const struct dns_name names[] = {
		{ 17, 3, "\003ads\007example\003com" },
		{ 15, 3, "\001x\007example\003com" }, { 1, 0, "" },
	};
	struct addr_net nets[ACL_HOST_MAX];
	struct acl_decision d;
	struct addr first;
	uint32_t host;
	size_t i, j;

	for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		acl_decide(image, &clients[i], NULL, &d);
		first = clients[i];
		(void)acl_host_first(image, &first);
		if (acl_host_of(image, &clients[i], &host))
			cr_assert_gt(acl_host_list(image, host, nets), 0);
		for (j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			acl_decide(image, &clients[i], &names[j], &d);
			acl_is_ancestor(image, &clients[i], &names[j]);
			cr_assert_lt(strlen(acl_image_comment(image, d.line)),
			    ACL_COMMENT_SIZE);
			cr_assert_lt(strlen(acl_image_place(image, &d.line)),
			    ACLPATH_SIZE);
			if (d.nports > 0)
				(void)acl_image_ttl(image, d.ports[0].times,
				    60);
		}
	}
}

Test(acl_image, header_is_checked)
{
	struct acl_compiled c;
	struct acl_image *image;
	uint32_t ancestor_slots;
	const char *why;

	compile(example, &c);
	image = c.image;
	ancestor_slots = image->nancestor_slots;
	expect_refused(image, sizeof(*image) - 1, "shorter than a header");
	expect_refused((char *)c.image + 1, c.size - 1, "not aligned");
	expect_refused(image, c.size - 4, "wrong size");
	image->magic[0]++;
	expect_refused(image, c.size, "not an ACL image");
	image->magic[0]--;
	image->version++;
	expect_refused(image, c.size, "image of another version");
	image->version--;
	image->nsubnets = UINT32_MAX;
	expect_refused(image, c.size, "tables reach beyond the end");
	image->nsubnets = 5;
	image->nsubnets = (image->nsubnet_slots + 2) / 2;
	expect_refused(image, c.size, "hash table too small");
	image->nsubnets = 5;
	image->nbuckets = 0;
	expect_refused(image, c.size, "hash table too small");
	image->nbuckets = UINT32_MAX;
	expect_refused(image, c.size, "tables reach beyond the end");
	image->nbuckets = 6;
	image->nancestor_slots = 0;
	expect_refused(image, c.size, "hash table too small");
	image->nancestor_slots = UINT32_MAX;
	expect_refused(image, c.size, "tables reach beyond the end");
	image->nancestor_slots = ancestor_slots;
	image->nprefixes[IMAGE_V4] = 34;
	expect_refused(image, c.size, "too many prefix lengths");
	image->nprefixes[IMAGE_V4] = 2;
	image->prefixes[IMAGE_V4][0] = 33;
	expect_refused(image, c.size, "prefix length out of range");
	image->prefixes[IMAGE_V4][0] = 8;
	expect_refused(image, c.size, "prefix lengths not in order");
	image->prefixes[IMAGE_V4][0] = 32;
	memset(image->file, 'x', sizeof(image->file));
	expect_refused(image, c.size, "file name without an end");
	image->file[sizeof(image->file) - 1] = '\0';
	cr_assert_not_null(acl_image_open(image, c.size, &why));
	cr_assert_eq(acl_image_rules(image), 6);
	free(c.image);
}

/* A path of n octets: "/d/" and then a name, or a name alone. */
static const char *
path_of(const char *folder, size_t n)
{
	static char path[1024];
	size_t len = strlen(folder);

	memcpy(path, folder, len);
	memset(path + len, 'x', n - len);
	path[n] = '\0';
	return (path);
}

Test(acl_image, file_of_the_rules)
{
	struct acl_compiled c;

	compile(example, &c);
	cr_assert_str_eq(acl_image_file(c.image), "");
	acl_compiled_file(&c, "/etc/dnsfw/acl");
	cr_assert_str_eq(acl_image_file(c.image), "/etc/dnsfw/acl");
	/* The longest that fits, and then its last part. */
	acl_compiled_file(&c, path_of("/d/", IMAGE_FILE_SIZE - 1));
	cr_assert_str_eq(acl_image_file(c.image),
	    path_of("/d/", IMAGE_FILE_SIZE - 1));
	acl_compiled_file(&c, path_of("/d/", IMAGE_FILE_SIZE));
	cr_assert_str_eq(acl_image_file(c.image),
	    path_of("", IMAGE_FILE_SIZE - 3));
	/* No file is called so; it is no reason to write behind the end. */
	acl_compiled_file(&c, "");
	acl_compiled_file(&c, path_of("", IMAGE_FILE_SIZE));
	cr_assert_str_eq(acl_image_file(c.image), "");
	free(c.image);
}

Test(acl_image, tables_are_checked)
{
	struct acl_compiled c;
	const struct acl_image *image;
	struct image_subnet *subnets;
	uint32_t *buckets, *subnet_slots, i;

	compile(example, &c);
	image = c.image;
	subnets = (void *)(uintptr_t)image_subnets(image);
	buckets = (void *)(uintptr_t)image_buckets(image);
	subnet_slots = (void *)(uintptr_t)image_subnet_slots(image);
	subnets[4].family = 5;
	expect_bad(image, c.size, "bad subnet");
	subnets[4].family = ADDR_V4;
	subnets[4].prefix = 33;
	expect_bad(image, c.size, "bad subnet");
	subnets[4].family = ADDR_V6;
	subnets[4].prefix = 128;
	subnets[4].set = image->nsets;
	expect_bad(image, c.size, "bad subnet");
	subnets[4].set--;
	subnets[4].set--;
	subnets[4].grants = 2;
	expect_bad(image, c.size, "bad subnet");
	subnets[4].grants = 0;
	for (i = 0; subnet_slots[i] == 0; i++)
		;
	subnet_slots[i] += 5;
	expect_bad(image, c.size, "subnet index out of range");
	subnet_slots[i] -= 5;
	for (i = 0; subnet_slots[i] != 0; i++)
		;
	subnet_slots[i] = 1;
	expect_bad(image, c.size, "wrong number of subnets");
	subnet_slots[i] = 0;
	for (i = 0; i <= image->nbuckets; i++) {
		buckets[i] += 4;
		cr_assert_not_null(acl_image_check(image));
		buckets[i] -= 4;
	}
	buckets[0] -= 4;
	expect_bad(image, c.size, "record not in its place");
	buckets[0] += 4;
	buckets[image->nbuckets] -= 4;
	expect_bad(image, c.size, "record not in its place");
	free(c.image);
}

Test(acl_image, D17_ancestors_are_checked)
{
	struct acl_compiled c;
	const struct acl_image *image;
	uint32_t *slots, i, was;

	/* The ancestors of one name, and nothing else, have slots. */
	compile("::1 ~> a.b.c\n::1 -| c\n::1 -| d = ::2\n", &c);
	image = c.image;
	cr_assert_eq(image->nancestor_slots, 5);
	slots = (void *)(uintptr_t)image_ancestor_slots(image);
	for (i = 0; slots[i] == 0; i++)
		;
	was = slots[i];
	slots[i] = 4;
	expect_bad(image, c.size, "ancestor of nothing");
	slots[i] = was + 1;
	expect_bad(image, c.size, "ancestor of nothing");
	slots[i] = (uint32_t)c.size;
	expect_bad(image, c.size, "ancestor of nothing");
	slots[i] = was;
	cr_assert_null(acl_image_check(image));
	for (i = 0; i < image->nancestor_slots; i++)
		slots[i] = was;
	expect_bad(image, c.size, "no free slot for ancestors");
	free(c.image);
}

Test(acl_image, records_are_checked)
{
	struct acl_compiled c;
	struct acl_image *image;
	struct image_record *r;
	struct image_port *port;

	compile("::1 -> example:TCP:443\n", &c);
	image = c.image;
	r = (void *)((char *)c.image + image_records_offset(image));
	port = (void *)(r + 1);
	r->name_len = 255;
	expect_bad(image, c.size, "record reaches beyond the end");
	r->name_len = 0;
	expect_bad(image, c.size, "record without a name");
	r->name_len = 9;
	image->nrecords++;
	expect_bad(image, c.size, "wrong number of records");
	image->nrecords--;
	r->set = 1;
	expect_bad(image, c.size, "set of a record out of range");
	r->set = 0;
	port->port = 0;
	expect_bad(image, c.size, "bad port");
	port->port = 443;
	port->proto = IPPROTO_SCTP;
	expect_bad(image, c.size, "bad port");
	port->proto = IPPROTO_TCP;
	r->flags = 0x80;
	expect_bad(image, c.size, "bad flags of a record");
	r->flags = RECORD_BLOCK;
	expect_bad(image, c.size, "contradicting record");
	r->flags = 0;
	r->nports = 0;
	expect_bad(image, c.size, "contradicting record");
	free(c.image);
}

/* A list of two files. */
static void
compile_two(struct acl_compiled *c)
{
	static const char own[] =
	    "include a.acl\n::1 -> b:TCP:1 ttl 1..2 \"two\"\n";
	static const char other[] = "::1 ~> a\n";
	struct texts_ask ask;
	struct texts texts;

	texts_begin(&texts, "own", strdup(own), strlen(own));
	cr_assert(texts_next(&texts, &ask));
	texts_give(&texts, "", strdup(other), strlen(other));
	cr_assert_not(texts_next(&texts, &ask));
	cr_assert_eq(acl_compile(&texts, false, fail_on_error, NULL, c), 0);
	texts_free(&texts);
}

Test(acl_image, U11_places_of_lines)
{
	struct acl_compiled c;
	struct image_place *places;
	struct acl_image *image;
	const char *why;
	uint32_t line;
	char *names;

	compile_two(&c);
	image = c.image;
	places = (void *)(uintptr_t)image_places(image);
	names = (void *)(uintptr_t)image_names(image);
	cr_assert(image->nplaces == 3 && image->names_size == 12);
	places[1].name = image->names_size;
	expect_bad(image, c.size, "name of a file out of range");
	line = 2;
	cr_assert_str_eq(acl_image_place(image, &line), "");
	places[1].name = 1;
	places[1].line = 1;
	expect_bad(image, c.size, "lines of files not in order");
	places[1].line = 2;
	places[2].first = 0;
	expect_bad(image, c.size, "lines of files not in order");
	places[2].first = 2;
	memset(names, 'x', 12);
	cr_assert_null(acl_image_open(image, c.size, &why));
	cr_assert_str_eq(why, "names of files without an end");
	names[11] = '\0';
	cr_assert_str_eq(acl_image_place(image, &line), "xxxxxxxxxx");
	cr_assert_eq(line, 1);
	free(c.image);
}

Test(acl_image, U11_comments_and_times)
{
	struct acl_compiled c;
	struct image_times *times;
	struct image_note *notes;
	struct acl_image *image;
	const char *why;
	char *names;

	compile("::1 -> a:TCP:1 ttl 5..9 \"one\"\n::1 ~> b \"two\"\n", &c);
	image = c.image;
	times = (void *)(uintptr_t)image_times(image);
	notes = (void *)(uintptr_t)image_notes(image);
	names = (void *)(uintptr_t)image_names(image);
	cr_assert(image->nplaces == 0 && image->names_size == 12);
	cr_assert(image->nnotes == 2 && image->ntimes == 1);
	times->min = 0;
	expect_bad(image, c.size, "bad times");
	times->min = 10;
	expect_bad(image, c.size, "bad times");
	times->min = 5;
	times->max = MSG_TTL_MAX + 1;
	expect_bad(image, c.size, "bad times");
	times->max = 9;
	notes[1].line = 1;
	expect_bad(image, c.size, "bad comment");
	notes[1].line = 2;
	notes[1].text = 12;
	expect_bad(image, c.size, "bad comment");
	cr_assert_str_eq(acl_image_comment(image, 2), "");
	notes[1].text = 5;
	cr_assert_null(acl_image_check(image));
	cr_assert_str_eq(acl_image_comment(image, 2), "two");
	names[6] = '\n';
	cr_assert_str_eq(acl_image_comment(image, 2), "");
	image->ntimes = 256;
	cr_assert_null(acl_image_open(image, c.size, &why));
	free(c.image);
}

Test(acl_image, U11_addresses_of_hosts)
{
	struct acl_compiled c;
	struct image_member *m;
	struct acl_image *image;
	const char *why;

	compile(hosts, &c);
	image = c.image;
	m = (void *)(uintptr_t)image_members(image);
	cr_assert_eq(image->nmembers, 5);
	/* 10.0.0.1, 10.0.0.2, 10.0.0.3, ::2, 2001:db8::/64 */
	m[0].prefix = 31;
	expect_bad(image, c.size, "bad address of a host");
	m[0].prefix = 64;
	expect_bad(image, c.size, "bad address of a host");
	m[0].prefix = 32;
	m[4].prefix = 63;
	expect_bad(image, c.size, "bad address of a host");
	m[4].prefix = 64;
	m[4].family = 5;
	expect_bad(image, c.size, "bad address of a host");
	m[4].family = ADDR_V6;
	m[2].base[3] = 2;
	expect_bad(image, c.size, "addresses of hosts not in order");
	m[2].base[3] = 3;
	m[2].host = 0;
	expect_bad(image, c.size, "host without an end");
	m[2].host = 3;
	expect_bad(image, c.size, "host without an end");
	m[2].host = 1;
	m[4].next = 3;
	expect_bad(image, c.size, "host without an end");
	m[4].next = 5;
	expect_bad(image, c.size, "host without an end");
	m[4].next = 0;
	m[3].next = 0;
	expect_bad(image, c.size, "address of no host");
	m[3].next = 4;
	cr_assert_null(acl_image_check(image));
	image->nmembers = IMAGE_MEMBERS_MAX + 1;
	cr_assert_null(acl_image_open(image, c.size, &why));
	free(c.image);
}

/* A name that nobody would have taken is none: it is written to logs. */
Test(acl_image, U11_a_name_that_is_too_long)
{
	static union {
		struct acl_image image;
		uint8_t	 octets[sizeof(struct acl_image) + 1024];
	} u;
	uint32_t line = 1;

	u.image = (struct acl_image){ .nplaces = 1, .names_size = 512 };
	*(struct image_place *)(uintptr_t)image_places(&u.image) =
	    (struct image_place){ .line = 1, .first = 5 };
	memset((void *)(uintptr_t)image_names(&u.image), 'x',
	    ACLPATH_SIZE - 1);
	cr_assert_eq(strlen(acl_image_place(&u.image, &line)),
	    ACLPATH_SIZE - 1);
	cr_assert_eq(line, 5);
	line = 1;
	memset((void *)(uintptr_t)image_names(&u.image), 'x', ACLPATH_SIZE);
	cr_assert_str_eq(acl_image_place(&u.image, &line), "");
	cr_assert_eq(line, 1);
}

/* Whatever is let in can be used: every octet, with a few values. */
static void
use_mutants(const struct acl_compiled *c)
{
	static const uint8_t flips[] = { 0x01, 0x02, 0x80, 0xff };
	const struct acl_image *image;
	const char *why;
	uint8_t *copy;
	size_t i, j;

	copy = malloc(c->size);
	memcpy(copy, c->image, c->size);
	for (i = 0; i < c->size; i++)
		for (j = 0; j < sizeof(flips); j++) {
			copy[i] ^= flips[j];
			image = acl_image_open(copy, c->size, &why);
			if (image != NULL)
				decide_a_lot(image);
			copy[i] ^= flips[j];
		}
	free(copy);
	free(c->image);
}

Test(acl_image, no_accepted_mutant_is_dangerous)
{
	struct acl_compiled c;

	compile(example, &c);
	use_mutants(&c);
	compile(shared, &c);
	use_mutants(&c);
	compile(hosts, &c);
	use_mutants(&c);
	compile_two(&c);
	use_mutants(&c);
}

/* Tables full of one number: no probe runs for ever, none leads outside. */
Test(acl_image, P2_tables_of_one_number_are_not_dangerous)
{
	static const uint32_t fillings[] = { 1, 5, 6, 308, 0x7fffffff,
	    UINT32_MAX };
	struct acl_compiled c;
	const struct acl_image *image;
	const char *why;
	uint32_t *copy, words, at, end, i;

	compile(example, &c);
	image = c.image;
	words = (uint32_t)(c.size / sizeof(*copy));
	at = sizeof(*image) / sizeof(*copy);
	copy = malloc(c.size);
	for (i = 0; i < sizeof(fillings) / sizeof(fillings[0]); i++) {
		memcpy(copy, image, c.size);
		for (end = at; end < words; end++)
			copy[end] = fillings[i];
		cr_assert_not_null(acl_image_open(copy, c.size, &why));
		cr_assert_not_null(acl_image_check((void *)copy));
		decide_a_lot((void *)copy);
		/* The same with subnets that are found. */
		memcpy(copy + at, image_subnets(image),
		    image->nsubnets * sizeof(struct image_subnet));
		memcpy(copy + (image_records_offset(image) / 4) -
		    image->nancestor_slots - image->nsubnet_slots,
		    image_subnet_slots(image),
		    image->nsubnet_slots * sizeof(uint32_t));
		decide_a_lot((void *)copy);
	}
	free(copy);
	free(c.image);
}

static enum acl_verdict
verdict_for(const void *data, size_t size, uint8_t last_octet)
{
	struct addr client = { ADDR_V4, { 10, 0, 0, last_octet } };
	struct dns_name name = { 5, 2, "\001a\001b" };
	struct acl_decision d;
	const char *why;

	acl_decide(acl_image_open(data, size, &why), &client, &name, &d);
	return (d.verdict);
}

/* A record under the right hash with another key: it must not be taken. */
Test(acl_image, A4_a_hash_is_not_identity)
{
	struct acl_compiled c;
	struct image_record *r;
	struct image_subnet *s;
	uint8_t *name;

	compile("10.0.0.1 ~> a.b\n", &c);
	s = (void *)(uintptr_t)image_subnets(c.image);
	r = (void *)((char *)c.image + image_records_offset(c.image));
	name = (uint8_t *)(r + 1);
	cr_assert_eq(verdict_for(c.image, c.size, 1), ACL_ALLOW);
	name[1] = 'x';
	cr_assert_eq(verdict_for(c.image, c.size, 1), ACL_NOMATCH);
	name[1] = 'a';
	r->flags |= RECORD_WILDCARD;
	cr_assert_eq(verdict_for(c.image, c.size, 1), ACL_NOMATCH);
	r->flags &= (uint8_t)~RECORD_WILDCARD;
	r->name_len = 6;
	cr_assert_eq(verdict_for(c.image, c.size, 1), ACL_NOMATCH);
	r->name_len = 5;
	s->base[3] = 2;
	cr_assert_eq(verdict_for(c.image, c.size, 1), ACL_NOMATCH);
	s->base[3] = 1;
	cr_assert_eq(verdict_for(c.image, c.size, 1), ACL_ALLOW);
	free(c.image);
}

/* No pointer inside: a copy elsewhere is the same list. */
Test(acl_image, P2_position_independent)
{
	struct acl_compiled c;
	struct addr client = { ADDR_V4, { 10, 0, 0, 1 } };
	struct dns_name name = { 17, 3, "\003ads\007example\003com" };
	struct acl_decision d;
	const char *why;
	void *copy;

	compile(example, &c);
	copy = malloc(c.size);
	memcpy(copy, c.image, c.size);
	memset(c.image, 0xff, c.size);
	free(c.image);
	acl_decide(acl_image_open(copy, c.size, &why), &client, &name, &d);
	cr_assert(d.verdict == ACL_LOCAL && d.line == 3);
	free(copy);
}

Test(acl_image, A8_octets_for_a_rule)
{
	static char text[20000 * 64];
	struct acl_compiled c;
	int i, n;

	for (i = n = 0; i < 20000; i++)
		n += sprintf(text + n, "10.0.0.0/8 -> host%07d.example.com:"
		    "TCP:443\n", i);
	compile(text, &c);
	cr_assert_lt(c.size, 100 * 20000);
	free(c.image);
	/* The worst: a subnet for each rule. */
	for (i = n = 0; i < 20000; i++)
		n += sprintf(text + n, "2001:db8::%x -> host%04d.example.com:"
		    "TCP:443\n", i, i);
	compile(text, &c);
	cr_assert_lt(c.size, 104 * 20000);
	free(c.image);
}

/* As sets, not as products. */
Test(acl_image, U11_octets_for_groups)
{
	static char text[500 * 32 + 2000 * 32];
	const struct acl_image *image;
	struct acl_compiled c;
	int i, n;

	for (i = n = 0; i < 500; i++)
		n += sprintf(text + n, "@lan %s= 10.0.%d.%d\n",
		    i == 0 ? "" : "+", i / 250, i % 250);
	for (i = 0; i < 2000; i++)
		n += sprintf(text + n, "@web %s= host%d.example.com\n",
		    i == 0 ? "" : "+", i);
	sprintf(text + n, "@lan -> @web:TCP:80,443\n");
	compile(text, &c);
	image = c.image;
	cr_assert_eq(image->nsubnets, 500);
	cr_assert_eq(image->nrecords, 2000);
	cr_assert_lt(c.size, 200000);
	free(c.image);
	/* What one of them has besides costs the names once more. */
	strcat(text, "10.0.0.0 ~> a.example\n10.0.0.0 ~> host1.example.com\n");
	compile(text, &c);
	image = c.image;
	cr_assert_eq(image->nrecords, 4001);
	free(c.image);
	/* A group that no rule has is not there, nor are its clients. */
	compile("@lan = 10.0.0.1\n@web = a.example\n10.0.0.2 ~> b\n", &c);
	image = c.image;
	cr_assert(image->nsubnets == 1 && image->nrecords == 1);
	cr_assert_eq(image->nprefixes[IMAGE_V4], 1);
	free(c.image);
}

/* More than there was room for at first; each is there once. */
Test(acl_image, D17_ancestors_are_noted_once)
{
	static char text[4000 * 64];
	const struct acl_image *image;
	struct acl_compiled c;
	const uint32_t *slots;
	uint32_t used = 0, i;
	int j, n;

	for (j = n = 0; j < 4000; j++)
		n += sprintf(text + n, "::1 ~> h%d.d%d.example.com\n", j,
		    j % 2000);
	compile(text, &c);
	image = c.image;
	slots = image_ancestor_slots(image);
	for (i = 0; i < image->nancestor_slots; i++)
		used += slots[i] != 0;
	/* d0 to d1999, example.com, com, and the root. */
	cr_assert_eq(used, 2003);
	free(c.image);
}

/* What acl_bounds() said, as sorted text. */
struct bounds {
	unsigned int	count;
	char		text[32][80];
};

static void
collect(void *arg, const struct addr_net *net, uint8_t proto, uint16_t port)
{
	struct bounds *b = arg;
	char base[ADDR_TEXT_MAX];

	cr_assert_lt(b->count, 32);
	snprintf(b->text[b->count++], sizeof(b->text[0]), "%s/%u %u:%u",
	    addr_print(&net->base, base), net->prefix, proto, port);
}

static int
compare(const void *a, const void *b)
{
	return (strcmp(a, b));
}

static void
expect_bounds(const char *text, size_t max, int coarsened,
    const char *expected)
{
	struct acl_compiled c;
	struct bounds b = { .count = 0 };
	char got[2000] = "";
	int was;
	unsigned int i;

	compile(text, &c);
	cr_assert_eq(acl_bounds(&c, max, collect, &b, &was), b.count);
	cr_assert_leq(b.count, max);
	cr_assert_eq(was, coarsened);
	qsort(b.text, b.count, sizeof(b.text[0]), compare);
	for (i = 0; i < b.count; i++) {
		strcat(got, b.text[i]);
		strcat(got, "\n");
	}
	cr_assert_str_eq(got, expected);
	free(c.image);
}

static const char grants[] =
    "10.0.0.0/8 -> a:TCP:80\n"
    "10.0.0.0/8 -> *.b:TCP:80\n"
    "10.0.0.0/8 -> c:UDP:80\n"
    "10.0.0.0/8 -> c:TCP:443\n"
    "10.0.0.0/8 -> *:TCP:65535\n"
    "10.0.0.0/8 ~> d\n"
    "10.0.0.1 -> a:TCP:80\n"
    "10.0.0.2 ~> *\n"
    "10.0.0.3 -| *\n"
    "2001:db8::1 -> a:UDP:53\n"
    "2001:db8::1 -> a:UDP:54\n";

Test(acl_image, P7_bounds_are_the_distinct_triples)
{
	expect_bounds("", 10, 0, "");
	expect_bounds("::1 ~> *\n", 1, 0, "");
	expect_bounds(grants, 7, 0,
	    "10.0.0.0/8 17:80\n"
	    "10.0.0.0/8 6:443\n"
	    "10.0.0.0/8 6:65535\n"
	    "10.0.0.0/8 6:80\n"
	    "10.0.0.1/32 6:80\n"
	    "2001:db8::1/128 17:53\n"
	    "2001:db8::1/128 17:54\n");
}

static const char in_groups[] =
    "@lan = 10.0.0.0/8, 2001:db8::/32\n"
    "@more = 10.0.0.0/8, 10.0.0.1\n"
    "@lan -> a,b:TCP:80,443\n"
    "@more -> b:TCP:80,8080\n"
    "@more ~> c\n"
    "::1 -| a\n";

/* As the same rules without groups. */
Test(acl_image, P7_bounds_of_groups)
{
	expect_bounds(in_groups, 7, 0,
	    "10.0.0.0/8 6:443\n"
	    "10.0.0.0/8 6:80\n"
	    "10.0.0.0/8 6:8080\n"
	    "10.0.0.1/32 6:80\n"
	    "10.0.0.1/32 6:8080\n"
	    "2001:db8::/32 6:443\n"
	    "2001:db8::/32 6:80\n");
	expect_bounds(in_groups, 6, 1,
	    "10.0.0.0/8 0:0\n"
	    "10.0.0.1/32 6:80\n"
	    "10.0.0.1/32 6:8080\n"
	    "2001:db8::/32 6:443\n"
	    "2001:db8::/32 6:80\n");
	expect_bounds(in_groups, 2, 1, "0.0.0.0/0 0:0\n::/0 0:0\n");
}

Test(acl_image, P7_too_many_bounds_become_a_superset)
{
	expect_bounds(grants, 6, 1,
	    "10.0.0.0/8 0:0\n"
	    "10.0.0.1/32 6:80\n"
	    "2001:db8::1/128 17:53\n"
	    "2001:db8::1/128 17:54\n");
	expect_bounds(grants, 3, 1,
	    "10.0.0.0/8 0:0\n"
	    "10.0.0.1/32 6:80\n"
	    "2001:db8::1/128 0:0\n");
	expect_bounds(grants, 2, 1, "0.0.0.0/0 0:0\n::/0 0:0\n");
	expect_bounds("::1 -> a:TCP:1\n::2 -> a:TCP:1\n", 1, 1,
	    "::/0 0:0\n");
	/* A family is open for its "->" rules alone. */
	expect_bounds("::1 -> a:TCP:1\n::2 -> a:TCP:1\n10.0.0.1 ~> a\n"
	    "10.0.0.2 -| *\n", 1, 1, "::/0 0:0\n");
	expect_bounds("10.0.0.1 -> a:TCP:1\n10.0.0.2 -> a:TCP:1\n::1 ~> a\n"
	    "::2 -| *\n", 1, 1, "0.0.0.0/0 0:0\n");
}
