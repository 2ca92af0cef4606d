#include "tests/devnet/devnet.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/signature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void devnet_record_violation(struct devnet *devnet, enum rule rule, const char *detail, const char *method,
                             const char *target, const char *task)
{
    const struct rule_text *broken = rule_of(rule);

    if (devnet->allowed[rule])
        return;
    store_run(devnet->store,
              "INSERT INTO violations(at, rule, detail, method, target, task) VALUES(?,?,?,?,?,?)",
              VALUES(INTEGER(moment_now_ms()), TEXT(broken->name), TEXT(detail), TEXT(method), TEXT(target),
                     TEXT(task)));
    store_changed(devnet->store);
    if (!devnet->quiet)
        fprintf(stderr, "violation of %s (%s): %s, in %s %s\n", broken->name, broken->text, detail, method,
                target);
}

int64_t devnet_violations(struct devnet *devnet)
{
    return store_integer(devnet->store, 0, "SELECT count(*) FROM violations", NO_VALUES);
}

void devnet_print_violations(struct devnet *devnet)
{
    json_t *rows = store_rows(devnet->store, "SELECT * FROM violations ORDER BY seq", NO_VALUES);
    const json_t *row;
    size_t i;

    for (i = 0; (row = json_array_get(rows, i)) != NULL; i++)
        printf("violation %s: %s (%s %s)\n", row_text(row, "rule"), row_text(row, "detail"),
               row_text(row, "method"), row_text(row, "target"));
    json_decref(rows);
}

bool devnet_is_robot(const struct devnet *devnet, const char *credentials)
{
    for (size_t i = 0; i < devnet->robot_count; i++)
        if (strcmp(devnet->robot_credentials[i], credentials) == 0)
            return true;
    return false;
}

char *devnet_keep(struct devnet *devnet, const char *name, const char *given, const char *prefix)
{
    char *kept = store_text(devnet->store, "SELECT value FROM kept WHERE name=?", VALUES(TEXT(name)));
    char token[TOKEN_TEXT_BYTES];

    if (kept && !given)
        return kept;
    free(kept);
    random_token(token);
    kept = given ? memory_copy_text(given) : memory_format("%s%.32s", prefix, token);
    store_run(devnet->store, "REPLACE INTO kept(name, value) VALUES(?,?)", VALUES(TEXT(name), TEXT(kept)));
    return kept;
}

/* Who waits for the file must never read half of it. */
static bool write_whole_file(const char *folder, const char *name, const char *text, struct error *error)
{
    char *path = memory_format("%s/%s", folder, name);
    char *aside = memory_format("%s/.%s.new", folder, name);
    FILE *file = fopen(aside, "we");
    bool written = file && fputs(text, file) >= 0;

    if (file && (fchmod(fileno(file), 0600) != 0 || fclose(file) != 0))
        written = false;
    if (written && rename(aside, path) != 0)
        written = false;
    if (!written)
        error_set_errno(error, errno, "cannot write %s", path);
    free(path);
    free(aside);
    return written;
}

bool devnet_write_environment(const struct devnet *devnet, struct error *error)
{
    char *text =
        memory_format("export DDS_BASE_URL=%s/dds\nexport DMS_BASE_URL=%s/dms/v1\n"
                      "export DOMAIN_SERVER_URL=%s/domain\nexport ADMIN_URL=%s/admin\nexport TRAP_URL=%s\n"
                      "export APP_TOKEN=%s\nexport REG_SECRET=%s\nexport ROBOT_REGISTRATION_CREDENTIALS=%s\n",
                      devnet->origin, devnet->origin, devnet->origin, devnet->origin, devnet->trap_origin,
                      devnet->app_token, devnet->registration_secret, devnet->robot_credentials[0]);
    bool written = write_whole_file(devnet->folder, "app_token", devnet->app_token, error) &&
                   write_whole_file(devnet->folder, "devnet.env", text, error);

    free(text);
    return written;
}
