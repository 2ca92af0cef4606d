/* How the text of one setting is read and checked; errors say what was given (never for a secret) and what is
 * expected. */
#ifndef LIBCOMMON_NODE_SETTINGS_VALUE_H
#define LIBCOMMON_NODE_SETTINGS_VALUE_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"

#include <stdbool.h>
#include <stdint.h>

/* NULL when `text` is NULL or blank, else a trimmed copy; free() it. */
char *settings_trimmed_copy(const char *text);

/* As settings_trimmed_copy, without a copy outside the secret. */
void settings_trimmed_secret(struct secret *secret, const char *text);

bool settings_parse_integer(const char *text, double low, double high, int64_t *value, struct error *error);
bool settings_parse_ratio(const char *text, bool clamp, double *value, struct error *error);
bool settings_parse_flag(const char *text, bool *value, struct error *error);

/* The index of `text` (any case) among `choices` ("a|b|c"). */
bool settings_parse_choice(const char *text, const char *choices, int *index, struct error *error);

bool settings_check_path(const char *text, struct error *error);

/* As a path; nobody but root and this user may be able to put another folder in its place. */
bool settings_check_folder(const char *text, struct error *error);
bool settings_check_text(const char *text, struct error *error);

/* 1 to LIMIT_HOST_NAME_BYTES printable ASCII characters. */
bool settings_check_name(const char *text, struct error *error);
bool settings_check_address(const char *text, struct error *error);

/* Splits "host:port" or "[v6]:port"; `host` is a copy to free(). Port 0 asks the kernel for one. */
bool settings_split_address(const char *text, char **host, uint16_t *port, struct error *error);

/* A URL as errors show it: whole, but for a user's name and password, a query and a fragment, which may be
 * secrets; of what is no URL, too. free() it. */
char *settings_shown_url(const char *url);

/*
 * The path of a URL whose path is compared (NODE_URL_PATH=exact): "" or "/a/b", without a slash at its end.
 * NULL for one that readers might write in another way, or with a query. It may be a secret: no error quotes
 * it. free() it.
 */
char *settings_path_of_url(const char *url, struct error *error);

/* 64 hex digits, with or without 0x, in [1, n-1] (docs/network.md 2.3). */
bool settings_check_private_key(const struct secret *key, struct error *error);

/*
 * Reads and trims a secret's file: a regular one of at most LIMIT_SECRET_FILE_BYTES, without NUL, not blank.
 * A UTF-8 byte order mark at its start is dropped.
 * `*others_can_read` tells, also on failure, whether its mode lets every user read it: worth a warning.
 */
bool settings_read_secret_file(const char *path, struct secret *secret, bool *others_can_read,
                               struct error *error);

#endif
