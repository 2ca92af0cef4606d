#include "tests/devnet/rules.h"

#include <stdio.h>
#include <string.h>

static const struct rule_text rules[] = {
#define RULE_TEXT(symbol, name, status, text) [RULE_##symbol] = {name, status, text},
    RULES(RULE_TEXT)
#undef RULE_TEXT
};

const struct rule_text *rule_of(enum rule rule)
{
    return &rules[rule];
}

bool rule_find(const char *name, enum rule *rule)
{
    for (int i = 0; i < RULE_COUNT; i++)
        if (strcmp(rules[i].name, name) == 0) {
            *rule = (enum rule)i;
            return true;
        }
    return false;
}

void rules_print(void)
{
    for (int i = 0; i < RULE_COUNT; i++)
        printf("%s\t%d\t%s\n", rules[i].name, rules[i].status, rules[i].text);
}
