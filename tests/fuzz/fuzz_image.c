/*
 * Any block that acl_image_open() takes is safe to decide by.  So that the
 * check is passed often, a damaged size is repaired first.  What the whole
 * check of its maker takes, its walk over all records must agree with.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acl/decide.h"
#include "acl/hosts.h"
#include "acl/image.h"
#include "acl/layout.h"
#include "aclpath.h"

#define SUBNETS_TRIED	16	/* for one of a record's set */

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
decide(const struct acl_image *image, const struct addr *client,
    const struct dns_name *name)
{
	struct addr_net nets[ACL_HOST_MAX];
	struct acl_decision d;
	uint32_t host;

	if (acl_host_of(image, client, &host) &&
	    acl_host_list(image, host, nets) == 0)
		abort();
	acl_decide(image, client, name, &d);
	if (d.nports > ACL_PORTS_MAX ||
	    strlen(acl_image_place(image, &d.line)) >= ACLPATH_SIZE)
		abort();
	if (name != NULL)
		acl_is_ancestor(image, client, name);
}

/* The names and subnets that the image itself holds; how many records. */
static uint32_t
decide_all(const struct acl_image *image)
{
	const struct image_subnet *s = image_subnets(image);
	const struct image_record *r;
	struct dns_name name;
	struct addr client;
	uint64_t at = image_records_offset(image);
	uint32_t n = 0, i;

	for (; (r = image_record(image, at)) != NULL;
	    at += image_record_size(r), n++) {
		for (i = 0; i < image->nsubnets && i < SUBNETS_TRIED &&
		    s[i].set != r->set; i++)
			;
		if (i == image->nsubnets || i == SUBNETS_TRIED)
			continue;
		client.family = s[i].family;
		memcpy(client.bytes, s[i].base, sizeof(client.bytes));
		decide(image, &client, NULL);
		/* Only a name that the wire reader takes may be asked for. */
		struct rcur c = { .buf = image_record_name(r),
		    .len = r->name_len };
		if (dns_name_read(&c, false, &name) == DNS_OK)
			decide(image, &client, &name);
	}
	return (n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct acl_image *image;
	struct acl_image *copy;
	const char *why = NULL;

	if (size < sizeof(*copy) || (copy = malloc(size)) == NULL)
		return (0);
	memcpy(copy, data, size);
	copy->size = size;
	image = acl_image_open(copy, size, &why);
	if ((image == NULL) != (why != NULL))
		abort();
	if (image != NULL && decide_all(image) != image->nrecords &&
	    acl_image_check(image) == NULL)
		abort();
	free(copy);
	return (0);
}
