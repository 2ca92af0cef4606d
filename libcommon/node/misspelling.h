/* Which variable somebody meant who wrote another name. Pure. */
#ifndef LIBCOMMON_NODE_MISSPELLING_H
#define LIBCOMMON_NODE_MISSPELLING_H

#include <stddef.h>

#define MISSPELLING_PREFIX "POSEMESH_"

/*
 * The one of `known` that `name`, which is none of them, comes nearest to; NULL when it comes near to none: a
 * letter left out, doubled, wrong or changed with its neighbour (two in names of 16 letters and more), the
 * words in another order, the prefix missing or too much, letters in lower case.
 *
 * Names of other programs' variables shall not be taken for ours: another letter in a short word is another
 * word (CMS_BASE_URL is not DMS_BASE_URL), and a name without the prefix has to be right otherwise (HOSTNAME
 * is not POSEMESH_HOST_NAME).
 */
const char *misspelling_meant(const char *name, const char *const *known, size_t count);

#endif
