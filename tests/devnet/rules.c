#include "tests/devnet/rules.h"

#include <stdio.h>

static const struct rule_text rules[] = {
#define RULE_TEXT(symbol, name, status, text) [RULE_##symbol] = {name, status, text},
    RULES(RULE_TEXT)
#undef RULE_TEXT
};

const struct rule_text *rule_of(enum rule rule)
{
    return &rules[rule];
}

void rules_print(void)
{
    for (int i = 0; i < RULE_COUNT; i++)
        printf("%s\t%d\t%s\n", rules[i].name, rules[i].status, rules[i].text);
}
