#include "libcommon/node/misspelling.h"

#include "libcommon/base/text.h"

#include <string.h>

enum { NAME_MAX_BYTES = 64, SHORT_WORD = 4, LONG_NAME = 16, FAR = 1000 };

static const char prefix[] = MISSPELLING_PREFIX;

static int smallest(int left, int right)
{
    return left < right ? left : right;
}

static bool same_letter(char left, char right)
{
    return text_lower(left) == text_lower(right);
}

/* Of another letter in place of `name[at]`. */
static int substitution_cost(const char *name, size_t at)
{
    size_t begin = at;
    while (begin > 0 && name[begin - 1] != '_')
        begin--;
    return strcspn(name + begin, "_") > SHORT_WORD ? 1 : 2;
}

/* Letters to leave out, to add, to replace, or neighbours to change, that make `name` to `known`. */
static int distance(const char *name, const char *known)
{
    int costs[NAME_MAX_BYTES + 1][NAME_MAX_BYTES + 1];
    size_t rows = strlen(name);
    size_t columns = strlen(known);
    if (rows > NAME_MAX_BYTES || columns > NAME_MAX_BYTES)
        return FAR;
    for (size_t i = 0; i <= rows; i++)
        costs[i][0] = (int)i;
    for (size_t j = 0; j <= columns; j++)
        costs[0][j] = (int)j;
    for (size_t i = 1; i <= rows; i++)
        for (size_t j = 1; j <= columns; j++) {
            bool same = same_letter(name[i - 1], known[j - 1]);
            int cost = costs[i - 1][j - 1] + (same ? 0 : substitution_cost(known, j - 1));
            cost = smallest(cost, smallest(costs[i - 1][j], costs[i][j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(name[i - 1], known[j - 2]) &&
                same_letter(name[i - 2], known[j - 1]))
                cost = smallest(cost, costs[i - 2][j - 2] + 1);
            costs[i][j] = cost;
        }
    return costs[rows][columns];
}

/* How often a name has the word; "" is one, too. */
static size_t count_word(const char *name, const char *word, size_t length)
{
    size_t count = 0;
    for (const char *at = name;; at++) {
        size_t here = strcspn(at, "_");
        count += here == length && strncmp(at, word, length) == 0;
        at += here;
        if (!*at)
            return count;
    }
}

static bool has_the_same_words(const char *name, const char *known)
{
    if (strlen(name) != strlen(known))
        return false;
    for (const char *word = name;; word++) {
        size_t length = strcspn(word, "_");
        if (count_word(name, word, length) != count_word(known, word, length))
            return false;
        word += length;
        if (!*word)
            return true;
    }
}

static int spelling_cost(const char *name, const char *known)
{
    int cost = distance(name, known);
    if (cost <= (strlen(known) < LONG_NAME ? 1 : 2))
        return cost;
    return has_the_same_words(name, known) ? 1 : FAR;
}

/* FAR: it is not meant. */
static int cost_of(const char *name, const char *known)
{
    size_t length = sizeof prefix - 1;
    bool name_has = text_starts_with_any_case(name, prefix);
    bool known_has = text_starts_with_any_case(known, prefix);
    if (name_has && !known_has)
        return smallest(spelling_cost(name, known), spelling_cost(name + length, known) + 1);
    if (known_has && !name_has && text_equal_any_case(name, strlen(name), known + length))
        return 1;
    return spelling_cost(name, known);
}

const char *misspelling_meant(const char *name, const char *const *known, size_t count)
{
    const char *meant = NULL;
    int least = FAR;
    for (size_t i = 0; i < count; i++) {
        int cost = cost_of(name, known[i]);
        if (cost < least) {
            least = cost;
            meant = known[i];
        }
    }
    return meant;
}
