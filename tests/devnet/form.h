/* The body of a small upload: one part between two boundary lines (docs/network.md 4.2). */
#ifndef DEVNET_FORM_H
#define DEVNET_FORM_H

#include <stdbool.h>
#include <stddef.h>

struct exchange;

struct form {
    char *name; /* parameters of Content-Disposition, decoded; NULL when absent */
    char *data_type;
    char *id;
    const char *data; /* within the body */
    size_t length;
};

/* Judges and takes apart `body`; false when the exchange was refused. Clear the form in both cases. */
bool form_parse(struct exchange *exchange, const char *body, size_t length, struct form *form);
void form_clear(struct form *form);

#endif
