/*
 * The image's layout, private to its maker (compile.c and what that includes),
 * image.c, bounds.c and decide.c.
 *
 * Eleven parts follow each other without gaps; their places follow from the
 * counts in the first, so there is no pointer and hardly an offset:
 *
 *	struct acl_image
 *	struct image_subnet	[nsubnets]
 *	uint32_t		[nbuckets + 1]	offsets of the buckets
 *	uint32_t		[nsubnet_slots]	hash table -> subnets
 *	uint32_t		[nancestor_slots] hash table -> records
 *	struct image_place	[nplaces]	which file's lines are where
 *	struct image_note	[nnotes]	comments of lines
 *	struct image_times	[ntimes]	for how long ports are granted
 *	struct image_member	[nmembers]	which addresses are one host
 *	char			[names_size]	names of files, and comments
 *	records			in the order of their buckets
 *
 * A record is what all rules of one subnet and one pattern say together.  Subnets
 * for which the same rules were written, as those of a group, share their records:
 * they have the same set of them, which is a number.  The
 * hash of its key says in which bucket it is; one holds a record on average,
 * and ends where the next begins.  So a look-up reads one small number from a
 * table that is dense, and goes to memory that lies together: with a million
 * rules each step is a miss of the caches.
 *
 * The last table says under which names something is allowed (D17): the slot of
 * a set and a name has the offset of a record of that set that allows
 * this name's children, or names below.  Its name ends with the one that is
 * sought, so that none is stored twice.
 */
#ifndef ACL_LAYOUT_H
#define ACL_LAYOUT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/name.h"
#include "addr.h"
#include "msg.h"

#define IMAGE_MAGIC	"dnsfwACL"
#define IMAGE_VERSION	7
#define IMAGE_FILE_SIZE	256	/* with the NUL */
#define IMAGE_PREFIXES	129	/* distinct prefix lengths: 0 to 128 */

enum { IMAGE_V4, IMAGE_V6, IMAGE_FAMILIES };

struct acl_image {
	uint8_t		magic[8];
	uint32_t	version;
	uint32_t	rules;		/* lines with a rule */
	uint64_t	size;		/* of the whole image, octets */
	uint32_t	nsubnets;
	uint32_t	nsets;
	uint32_t	nrecords;
	uint32_t	nbuckets;	/* > 0 */
	uint32_t	nsubnet_slots;	/* >= 2 * nsubnets, > 0 */
	uint32_t	nancestor_slots; /* > 0 */
	uint32_t	nplaces;	/* 0: all lines are of one file */
	uint32_t	names_size;	/* a multiple of IMAGE_ALIGN; the last is NUL */
	uint32_t	nnotes;
	uint32_t	ntimes;		/* to IMAGE_TIMES_MAX */
	uint32_t	nmembers;	/* to IMAGE_MEMBERS_MAX */
	uint8_t		nprefixes[IMAGE_FAMILIES];
	/* The lengths that some subnet has, longest first. */
	uint8_t		prefixes[IMAGE_FAMILIES][IMAGE_PREFIXES];
	char		file[IMAGE_FILE_SIZE];
};
static_assert(sizeof(struct acl_image) == 584, "acl_image size");

/* Lines that follow each other in a file and in the list; in their order. */
struct image_place {
	uint32_t	line;		/* of the first of them, in the list */
	uint32_t	first;		/* and in its file; both from 1 */
	uint32_t	name;		/* offset in the names, each with a NUL */
};
static_assert(sizeof(struct image_place) == 12, "image_place size");

struct image_note {
	uint32_t	line;		/* of the list; in their order */
	uint32_t	text;		/* offset in the names, with a NUL */
};
static_assert(sizeof(struct image_note) == 8, "image_note size");

#define IMAGE_TIMES_MAX	255

/* Bounds of a grant's lifetime, seconds. */
struct image_times {
	uint32_t	min;		/* from 1 */
	uint32_t	max;		/* to MSG_TTL_MAX */
};
static_assert(sizeof(struct image_times) == 8, "image_times size");

#define IMAGE_MEMBERS_MAX MSG_HOSTS_MAX

/*
 * An address of a host, or an IPv6 network of 64 bits; in the order of all that is
 * before the host, so that each is found.
 */
struct image_member {
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint8_t		base[16];	/* masked */
	uint8_t		prefix;		/* 32, 64 or 128 */
	uint8_t		pad[2];
	uint32_t	host;		/* index of its first one */
	uint32_t	next;		/* of its next one; 0: none */
};
static_assert(sizeof(struct image_member) == 28, "image_member size");
static_assert(offsetof(struct image_member, prefix) == 17, "key has no holes");

struct image_subnet {
	uint64_t	depths;		/* image_depth_bit() of its wildcards */
	uint8_t		base[16];	/* masked */
	uint32_t	set;		/* of records */
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint8_t		prefix;
	uint8_t		grants;		/* 1: some record has ports; else 0 */
	uint8_t		pad;
};
static_assert(sizeof(struct image_subnet) == 32, "image_subnet size");

enum {	/* image_record.flags */
	RECORD_WILDCARD = 0x01,		/* the pattern is *.name, or * */
	RECORD_RESOLVE = 0x02,		/* ~> */
	RECORD_BLOCK = 0x04,		/* -|, which excludes all allow rules */
	RECORD_LOCAL4 = 0x08,		/* -| = an IPv4 address */
	RECORD_LOCAL6 = 0x10
};

struct image_port {
	uint16_t	port;		/* host order, not 0 */
	uint8_t		proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t		times;		/* number from 1, or 0: none */
};
static_assert(sizeof(struct image_port) == 4, "image_port size");

/*
 * Followed by its ports, by 0, 4 or 16 octets of address (RECORD_LOCAL*), and
 * by the name in folded wire form, padded to IMAGE_ALIGN.
 */
struct image_record {
	uint32_t	set;		/* less than nsets */
	uint32_t	line;		/* the first that made it, from 1 */
	uint16_t	nports;
	uint8_t		flags;
	uint8_t		name_len;	/* 1 (the root, for *) to 255 */
};
static_assert(sizeof(struct image_record) == 12, "image_record size");

#define IMAGE_ALIGN	4U		/* of records */

/*
 * The parts of an image; valid only for one that acl_image_open() took.  What
 * the tables hold is not checked by that.
 */
const struct image_subnet *image_subnets(const struct acl_image *);
const uint32_t	*image_buckets(const struct acl_image *);
const uint32_t	*image_subnet_slots(const struct acl_image *);
const uint32_t	*image_ancestor_slots(const struct acl_image *);
const struct image_place *image_places(const struct acl_image *);
const struct image_note *image_notes(const struct acl_image *);
const struct image_times *image_times(const struct acl_image *);
const struct image_member *image_members(const struct acl_image *);
const char	*image_names(const struct acl_image *);

/* Where the records begin: the size of all that stands before them. */
uint64_t	image_records_offset(const struct acl_image *);

/* The record at an offset, with all that follows it; NULL: not inside. */
const struct image_record *image_record(const struct acl_image *,
		    uint64_t offset);

/* The octets of a record with all that follows it, from its fields alone. */
size_t		image_record_size(const struct image_record *);

/* The parts of a record. */
const struct image_port *image_record_ports(const struct image_record *);
const uint8_t	*image_record_local(const struct image_record *);
size_t		image_record_local_len(const struct image_record *);
const uint8_t	*image_record_name(const struct image_record *);

/*
 * The suffixes of a name by their depth, which is the number of labels: 0 is
 * the root, labels is the whole name.
 */
struct image_suffixes {
	unsigned int	labels;
	uint8_t		offset[DNS_LABELS_MAX + 1];	/* in the wire form */
	uint64_t	hash[DNS_LABELS_MAX + 1];
};

/* name must be folded. */
void		image_suffixes_init(struct image_suffixes *out,
		    const struct dns_name *name);

/* The bit of a depth in image_subnet.depths; those from 63 up share one. */
uint64_t	image_depth_bit(unsigned int depth);

/*
 * The hash of a record's key; name_hash is of image_suffixes.  Never identity:
 * who finds something by it compares the key itself.
 */
uint64_t	image_key_hash(uint32_t set, bool wildcard,
		    uint64_t name_hash);

/* Of any octets, behind those that have the hash h. */
uint64_t	image_bytes_hash(uint64_t h, const void *bytes, size_t len);

uint64_t	image_subnet_hash(const struct addr *base, unsigned int prefix);

/* Which of n buckets a hash belongs to, or at which of n slots it is sought. */
uint32_t	image_place(uint64_t hash, uint32_t n);

#endif
