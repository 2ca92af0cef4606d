/* A command line that a program cannot take: one sentence of one form, in all programs. */
#ifndef LIBCOMMON_BASE_USAGE_H
#define LIBCOMMON_BASE_USAGE_H

enum { USAGE_EXIT = 64 }; /* EX_USAGE of sysexits.h */

/* Writes "<program>: unknown option --foo; see --help" to stderr; what does not begin with a dash is an
 * unexpected argument. Returns USAGE_EXIT. */
int usage_refuse(const char *program, const char *argument);

/* The same for what stands behind an option that has to stand alone, whether there is such an option or not.
 */
int usage_refuse_more(const char *program, const char *argument);

/* The same for what getopt_long() refused, with opterr 0: it `returned` '?', or ':' for an option without its
 * value. */
int usage_refuse_option(const char *program, int returned, char *const *argv);

#endif
