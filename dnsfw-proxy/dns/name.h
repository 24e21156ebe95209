/*
 * Domain names (RFC 1035 3.1, 4.1.4).  In memory a name is in uncompressed
 * wire form.  Pure.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define DNS_NAME_MAX	255	/* octets of the wire form, with the root */
#define DNS_LABELS_MAX	127	/* without the root */
#define DNS_LABEL_MAX	63
#define DNS_STEPS_MAX	4096	/* pointers that are followed in a message */
#define DNS_POINTER_BITS 0xc0U	/* label type 11 (RFC 1035 4.1.4) */
/*
 * Pointers of one name.  It has at most DNS_LABELS_MAX labels, so a compressor
 * never needs more than that.
 */
#define DNS_POINTERS_MAX DNS_LABELS_MAX
/* Text with escapes (each octet at most \DDD), final dot and NUL. */
#define DNS_NAME_TEXT_MAX 1025

struct dns_name {
	uint8_t	len;		/* octets in wire, 1 (the root) to 255 */
	uint8_t	labels;		/* without the root: 0 to 127 */
	uint8_t	wire[DNS_NAME_MAX];
};

enum dns_err {
	DNS_OK = 0,
	DNS_ESHORT,		/* the message ends too early */
	DNS_ELABEL,		/* label type 01 or 10, or above 63 octets */
	DNS_EPOINTER,		/* compression pointer not strictly backwards */
	DNS_ENAME,		/* above 255 octets */
	DNS_EEMPTY,		/* an empty label in a text name */
	DNS_ECHAR,		/* a character that no ACL name has */
	DNS_EHEADER,		/* shorter than a header */
	DNS_EQR,		/* an answer where a query belongs, or reverse */
	DNS_EQDCOUNT,		/* not one question */
	DNS_EOPT,		/* two OPTs, not the root owner, wrong section */
	DNS_ERDATA,		/* rdata does not fit its type or rdlength */
	DNS_ECOUNT,		/* more records than a message can hold */
	DNS_EQUESTION,		/* not the question that was asked */
	DNS_EFULL,		/* no room in the output */
	DNS_ESTEPS,		/* pointers above DNS_STEPS_MAX */
	DNS_ERR_COUNT
};

/* A short text for logs; valid for every enum dns_err. */
const char *dns_strerror(enum dns_err);

/*
 * Read one name at c->pos and move behind it; pointers, if pointers is true,
 * may lead anywhere strictly before the start of the current run of labels.
 * Letter case is kept.  The work for the names of a whole message is bounded
 * where it is parsed (places.h).
 */
DNS_MUSTCHECK enum dns_err dns_name_read(struct rcur *c, bool pointers,
    struct dns_name *out);

/*
 * Move behind the name at c->pos, which was checked: its pointers are not
 * followed.
 */
DNS_MUSTCHECK enum dns_err dns_name_skip(struct rcur *c);

/* ASCII lower case (RFC 4343); out may be in. */
void	dns_name_fold(const struct dns_name *in, struct dns_name *out);

/* Equal without regard to ASCII case / to the last bit. */
bool	dns_name_equal(const struct dns_name *, const struct dns_name *);
bool	dns_name_identical(const struct dns_name *, const struct dns_name *);

/* Is name below the other name, or that name itself?  Any case. */
bool	dns_name_is_under(const struct dns_name *name,
	    const struct dns_name *above);

/*
 * Text with final dot ("." for the root), NUL-terminated.  Octets outside
 * printable ASCII, blanks, and backslashes become \DDD; a dot inside a label
 * becomes \046, so the text is unambiguous and cannot forge a log line.
 * Returns its length.
 */
size_t	dns_name_print(const struct dns_name *, char buf[DNS_NAME_TEXT_MAX]);

/*
 * Parse the text of an FQDN (A2): labels of letters, digits, hyphen,
 * underscore; final dot optional; folded to lower case.  "." and "" are
 * DNS_EEMPTY.  On error *at is the offset of the offending character.
 */
DNS_MUSTCHECK enum dns_err dns_name_parse(const char *text, size_t len,
    struct dns_name *out, size_t *at);

#endif
