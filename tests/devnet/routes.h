/* Which handler answers what. One table, in routes.c. */
#ifndef DEVNET_ROUTES_H
#define DEVNET_ROUTES_H

struct exchange;

enum body_kind { BODY_MEMORY, BODY_FILE };

struct route {
    const char *method;
    const char *pattern; /* `*` stands for one segment */
    const char *query;   /* a parameter that must be there for this route to match; NULL: none */
    enum body_kind body;
    void (*handle)(struct exchange *exchange);
};

/* Finds the route and fills the exchange's arguments; NULL when none matches, `*path_known` telling whether
 * another method would have. */
const struct route *routes_find(struct exchange *exchange, int *path_known);

#endif
