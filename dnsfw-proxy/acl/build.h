/*
 * An image under construction, private to compile.c and what that includes: what
 * the text has said so far.
 */
#ifndef ACL_BUILD_H
#define ACL_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "texts.h"

#define GROUPS_MAX	1024

/* All rules of one set and one pattern; becomes a record. */
struct pattern {
	uint64_t	hash;
	uint32_t	set;		/* index */
	uint32_t	line;		/* of the first rule */
	uint32_t	name;		/* offset in build.names */
	uint32_t	ports;		/* index in build.ports + 1; 0: none */
	uint32_t	record;		/* where it is emitted, in the image */
	uint32_t	next;		/* of the set: index + 1; 0: none */
	uint32_t	origins;	/* index in build.origins + 1; 0: none */
	uint16_t	at;		/* offset of the name in the line */
	uint16_t	nports;
	uint8_t		flags;		/* RECORD_* */
	uint8_t		name_len;
	uint8_t		local[16];
	bool		reported;	/* that it conflicts with another set's */
};

/* A pattern's ports are a list, since its rules may stand anywhere. */
struct port_link {
	struct image_port port;
	uint32_t	line;		/* of the rule: they are in that order */
	uint32_t	next;		/* index in build.ports + 1; 0: none */
};

/* What is written for one client, for a group, or for clients of several. */
struct set {
	uint64_t	depths;		/* image_depth_bit() of its wildcards */
	uint32_t	first, last;	/* of its patterns: index + 1; 0: none */
	bool		used;		/* by a subnet: it becomes records */
	bool		grants;		/* some pattern has ports */
};

struct subnet {
	struct image_subnet image;
	uint32_t	own;		/* set of the rules for it alone + 1 */
	uint32_t	groups;		/* index in build.members + 1; 0: none */
};

/* A group that a subnet is in. */
struct member {
	uint32_t	group;		/* index */
	uint32_t	next;		/* index in build.members + 1; 0: none */
};

/* A name of a group. */
struct item {
	uint32_t	name;		/* offset in build.names */
	uint8_t		name_len;
	bool		wildcard;
	uint32_t	next;		/* index in build.items + 1; 0: none */
};

/* An address of a host; host is the group's number. */
struct build_member {
	struct image_member image;
	uint32_t	line;
};

struct group {
	struct dns_name	name;
	bool		clients;	/* or names */
	bool		host;		/* its clients are one */
	uint32_t	line;		/* where it began */
	uint16_t	at;		/* offset of its name in that */
	uint32_t	used;		/* the line of its first rule; 0: none */
	uint32_t	set;		/* of clients, + 1; 0: not used */
	uint32_t	first, last;	/* index in build.items + 1 */
	uint32_t	naddresses;	/* of a host */
};

/* A rule's comment. */
struct note {
	uint32_t	line;
	uint32_t	len;
	const char	*text;		/* in its file's */
};

/* Which rule is in a pattern. */
struct origin {
	uint32_t	line;
	uint16_t	at;		/* of the name in the line */
	bool		grouped;	/* the client or the name is a group */
	uint32_t	next;		/* index in build.origins + 1; 0: none */
};

/* A name above that of an allowed pattern: its name from that offset on. */
struct ancestor {
	uint64_t	hash;
	uint32_t	pattern;	/* index */
	uint8_t		offset;
};

/*
 * What the text has said so far.  Arrays have room for what lines with one name and
 * port make; those with more let them grow.
 */
struct build {
	/* acl_error_fn of compile.h, and its argument. */
	void		(*error)(void *arg, unsigned int line,
			    unsigned int column, const char *text);
	void		*arg;
	const struct texts *texts;
	bool		 failed;
	struct {			/* that was reported last */
		uint32_t line, other;
		size_t	 at;
	} conflict;
	bool		 ended;		/* nothing can come of it any more */
	bool		 traced;	/* origins are wanted */
	uint32_t	 rules;
	struct subnet	*subnets;
	uint32_t	 nsubnets;
	uint32_t	*subnet_slots;	/* index + 1; 0: empty */
	uint32_t	 subnets_max;	/* half of the slots, here and below */
	struct set	*sets;
	uint32_t	 nsets;
	uint32_t	 sets_max;
	struct pattern	*patterns;
	uint32_t	 npatterns;
	uint32_t	*pattern_slots;	/* index + 1; 0: empty */
	uint32_t	 patterns_max;
	uint32_t	 ngrouped;	/* patterns that groups have made */
	struct port_link *ports;
	uint32_t	 nports;
	uint32_t	 ports_max;
	uint8_t		*names;
	uint32_t	 names_len;
	uint32_t	 names_max;
	struct group	*groups;
	uint32_t	 ngroups;
	uint32_t	 groups_max;
	uint16_t	 group_slots[2 * GROUPS_MAX];	/* index + 1; 0: empty */
	struct member	*members;
	uint32_t	 nmembers;
	uint32_t	 members_max;
	struct item	*items;
	uint32_t	 nitems;
	uint32_t	 items_max;
	struct build_member *addresses;	/* of hosts, in the order of the image */
	uint32_t	 naddresses;
	uint32_t	 addresses_max;
	struct note	*notes;
	uint32_t	 nnotes;
	uint32_t	 notes_max;
	struct image_times times[IMAGE_TIMES_MAX];
	uint32_t	 ntimes;
	uint8_t		 rule_times;	/* of the rule: number, or 0 */
	struct origin	*origins;
	uint32_t	 norigins;
	uint32_t	 origins_max;
	struct ancestor	*ancestors;	/* ancestors.c */
	uint32_t	 nancestors;
	uint32_t	 ancestors_max;
	uint32_t	*ancestor_slots; /* 2 * ancestors_max; index + 1 */
};

/* Say what is wrong there; line 0: with the whole. */
void	build_report(struct build *, unsigned int line, size_t at,
	    const char *text);

/* The same of the whole: it ends here.  Returns false. */
bool	build_end(struct build *, const char *text);

/*
 * Make an array of n things, of that size, larger if it has no room for more of
 * them; false, and it ends: there is no memory, or too much is asked for.
 */
bool	build_room(struct build *, void *array, uint64_t n, uint32_t *max,
	    size_t size);

/*
 * Put n things, of which the array at slots has the hashes by hash(), into 2 * max
 * new slots; false, and it ends: there is no memory.
 */
bool	build_rehash(struct build *, uint32_t **slots, uint32_t max, uint32_t n,
	    uint64_t (*hash)(const struct build *, uint32_t i));

/* The slot behind i in a table of n. */
static inline uint32_t
slot_after(uint32_t i, uint32_t n)
{
	return (i + 1 < n ? i + 1 : 0);
}

#endif
