/* What --help says of the variables. */
#ifndef LIBCOMMON_NODE_SETTINGS_HELP_H
#define LIBCOMMON_NODE_SETTINGS_HELP_H

#include <stdio.h>

/* "Reads from the environment:" and the settings of `readers`, each with its default or its values, in lines
 * of 80 columns at most. */
void settings_help_print(FILE *out, unsigned readers);

#endif
