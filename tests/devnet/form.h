/* The body of a small upload: parts between boundary lines, each an object of its own (docs/network.md 4.2).
 */
#ifndef DEVNET_FORM_H
#define DEVNET_FORM_H

#include <stdbool.h>
#include <stddef.h>

struct exchange;

struct form_part {
    char *name; /* parameters of Content-Disposition, decoded; NULL when absent */
    char *data_type;
    char *id;
    const char *data; /* within the body */
    size_t length;
};

struct form {
    struct form_part *parts;
    size_t count; /* at least 1 after form_parse() */
};

/* Judges and takes apart `body`; false when the exchange was refused. Clear the form in both cases. */
bool form_parse(struct exchange *exchange, const char *body, size_t length, struct form *form);
void form_clear(struct form *form);

#endif
