/*
 * Feeds the text of a runner file.
 *
 * One without a fault has a capability without white space, a command, bounds within their range and
 * variables that are none of the node's; one that is refused says why and leaves nothing.
 */
#include "services/runnerd/host/runner_file.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/text.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_runner(const struct runner *runner)
{
    fuzz_expect(runner->capability[0] && !strpbrk(runner->capability, " \t\r\n\v\f") &&
                    strlen(runner->capability) <= LIMIT_NAME_BYTES,
                "a capability is a name");
    fuzz_expect(runner->command && !text_is_blank(runner->command[0]), "a command begins with a program");
    fuzz_expect(runner->timeout_secs > 0 && runner->timeout_secs <= INT64_C(366) * 86400,
                "a timeout is bounded");
    fuzz_expect(runner->max_concurrency > 0 && runner->max_concurrency <= LIMIT_CONCURRENCY,
                "a concurrency is bounded");
    for (char **variable = runner->environment; variable && *variable; variable++)
        fuzz_expect(strchr(*variable, '=') > *variable && strncmp(*variable, "POSEMESH_", 9) != 0,
                    "a variable has a name that is not the node's");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct runner runner;
    static struct runner_file_findings findings;
    if (runner_file_parse((const char *)data, size, "/", &runner, &findings)) {
        fuzz_expect(findings.fault_count == 0, "what is taken has no fault");
        check_runner(&runner);
    } else {
        fuzz_expect(findings.fault_count > 0 && findings.faults[0].text[0], "what is refused says why");
        fuzz_expect(!runner.capability && !runner.command && !runner.environment && !runner.files,
                    "what is refused leaves nothing");
    }
    for (size_t i = 0; i < findings.fault_count; i++)
        fuzz_expect(findings.faults[i].line <= size + 1, "a fault is on a line of the file");
    runner_clear(&runner);
    return 0;
}
