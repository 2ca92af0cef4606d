/*
 * Feeds the text that says which user a process becomes.
 *
 * What is taken is digits, colon and commas alone, names nobody that the kernel has no number for, and says
 * the same when it is written anew.
 */
#include "libcommon/confine/privileges.h"

#include "libcommon/base/memory.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static char *write_anew(const struct privileges *privileges)
{
    char *text = memory_format("%u:%u", (unsigned)privileges->uid, (unsigned)privileges->gid);
    for (size_t i = 0; i < privileges->group_count; i++) {
        char *longer = memory_format("%s,%u", text, (unsigned)privileges->groups[i]);
        free(text);
        text = longer;
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct error error = fuzz_no_error();
    struct privileges privileges;
    struct privileges again;
    char *text = fuzz_take_text(&input, '\0');
    if (privileges_parse(text, &privileges, &error)) {
        fuzz_expect(strspn(text, "0123456789:,") == strlen(text), "what is taken is numbers");
        fuzz_expect(privileges.group_count <= PRIVILEGES_GROUPS_MAX, "groups are bounded");
        fuzz_expect(privileges.uid != (uid_t)-1 && privileges.gid != (gid_t)-1, "-1 is nobody");
        char *anew = write_anew(&privileges);
        fuzz_expect(privileges_parse(anew, &again, &error), "what is written anew is taken");
        fuzz_expect(privileges.uid == again.uid && privileges.gid == again.gid &&
                        privileges.group_count == again.group_count &&
                        memcmp(privileges.groups, again.groups, sizeof again.groups) == 0,
                    "what is written anew says the same");
        free(anew);
    } else {
        fuzz_expect_error(&error);
    }
    free(text);
    return 0;
}
