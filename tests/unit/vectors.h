/* The golden vectors of tests/vectors, for the tests of the contract's pure logic. */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Loads "siwe.json" or the like and returns its "cases"; a file that is missing or has no cases ends the
 * test. The folder is POSEMESH_VECTORS_DIR, else tests/vectors of POSEMESH_SOURCE_DIR. json_decref() it.
 */
json_t *vectors_load(const char *file);

/* A whole file of the vectors folder. free() it. */
char *vectors_read_file(const char *file, size_t *length);

/* The string of a case's member; NULL when there is none or it is null. */
const char *vectors_text(const json_t *vector, const char *name);

/* Whether "kind" of the case is `kind`. */
bool vectors_is_kind(const json_t *vector, const char *kind);

/* Prints which case is being tried, so that a failing assertion can be placed. */
void vectors_announce(const json_t *vector);

#endif
