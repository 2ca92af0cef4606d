/*
 * Feeds the text that says which uid each process has.
 *
 * What is taken is pairs of a name and digits, and names nobody that the kernel has no number for; a role's
 * owner may use its socket, and a uid that stands nowhere may not.
 */
#include "libcommon/ipc/ipc_peers.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_pairs(const char *text)
{
    while (*text) {
        size_t name = strcspn(text, "=,");
        fuzz_expect(text[name] == '=', "a pair has an equals sign");
        text += name + 1;
        size_t digits = strspn(text, "0123456789");
        fuzz_expect(digits > 0 && (text[digits] == ',' || !text[digits]), "a uid is digits");
        text += digits + (text[digits] == ',');
    }
}

static void check_peers(const struct ipc_peers *peers, uid_t stranger)
{
    bool known = false;
    for (enum service_id id = 0; id <= SERVICE_NODE; id++) {
        fuzz_expect(peers->uids[id] != (uid_t)-1, "-1 is nobody");
        known = known || peers->uids[id] == stranger;
    }
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        fuzz_expect(ipc_peers_allow(peers, role, peers->uids[role_infos[role].owner]), "an owner may");
        fuzz_expect(known || !ipc_peers_allow(peers, role, stranger), "a stranger may not");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { OWN = 1000, STRANGER = 4321 };
    struct fuzz_input input = {data, size};
    struct error error = fuzz_no_error();
    struct ipc_peers peers;
    char *text = fuzz_take_text(&input, '\0');
    if (ipc_peers_parse(text, OWN, &peers, &error)) {
        check_pairs(text);
        check_peers(&peers, STRANGER);
    } else {
        fuzz_expect_error(&error);
    }
    free(text);
    return 0;
}
