/* What all parts of a listing of nft have. */
#include "nftlist.h"

#include <stdio.h>
#include <string.h>

const char *
nftlist_member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return (text == NULL ? "" : text);
}

void
nftlist_table(const json_t *object, char out[NFTLIST_TABLE_MAX])
{
	snprintf(out, NFTLIST_TABLE_MAX, "%.8s %.240s",
	    nftlist_member(object, "family"), nftlist_member(object, "table"));
}

uint8_t
nftlist_families(const json_t *object)
{
	const char *family = nftlist_member(object, "family");

	return (strcmp(family, "inet") == 0 ? MODEL_V4 | MODEL_V6 :
	    strcmp(family, "ip") == 0 ? MODEL_V4 :
	    strcmp(family, "ip6") == 0 ? MODEL_V6 : 0);
}
