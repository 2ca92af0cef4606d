#include "services/runnerd/host/runner_file.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/json/json_field.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMAND_ELEMENTS_MAX = 256, VARIABLES_MAX = 256, TIMEOUT_MAX_SECS = 366 * 86400 };

static void __attribute__((format(printf, 2, 3)))
add_fault(struct runner_file_findings *findings, const char *format, ...)
{
    va_list arguments;
    if (findings->fault_count >= sizeof findings->faults / sizeof findings->faults[0])
        return;
    va_start(arguments, format);
    text_format_list(findings->faults[findings->fault_count++], ERROR_TEXT_BYTES, format, arguments);
    va_end(arguments);
}

static void __attribute__((format(printf, 2, 3)))
add_warning(struct runner_file_findings *findings, const char *format, ...)
{
    va_list arguments;
    if (findings->warning_count >= sizeof findings->warnings / sizeof findings->warnings[0])
        return;
    va_start(arguments, format);
    text_format_list(findings->warnings[findings->warning_count++], ERROR_TEXT_BYTES, format, arguments);
    va_end(arguments);
}

/* --- fields --- */

static void read_capability(struct json_slice object, struct runner *runner,
                            struct runner_file_findings *findings)
{
    struct error error;
    if (!json_field_required_string(object, "capability", &runner->capability, &error)) {
        add_fault(findings, "%s", error.text);
        return;
    }
    if (strlen(runner->capability) > LIMIT_NAME_BYTES)
        add_fault(findings, "capability is longer than %d bytes", LIMIT_NAME_BYTES);
    for (const char *c = runner->capability; *c; c++) {
        if ((unsigned char)*c > ' ' && *c != 0x7f)
            continue;
        add_fault(findings, "capability has white space or a control character in it");
        return;
    }
}

/* Relative paths are relative to the file: the job's current folder is its workspace. */
static char *resolve_element(char *element, const char *folder, size_t index,
                             struct runner_file_findings *findings)
{
    if (strncmp(element, "./", 2) != 0 && strncmp(element, "../", 3) != 0)
        return element;
    char *joined = memory_format("%s/%s", folder, element);
    char *real = realpath(joined, NULL);
    if (!real)
        add_fault(findings, "command[%zu]: %.*s: %s", index, TEXT_CUT(element, 200), strerror(errno));
    free(joined);
    if (!real)
        return element;
    free(element);
    return real;
}

static void read_command(struct json_slice object, const char *folder, struct runner *runner,
                         struct runner_file_findings *findings)
{
    struct error error;
    struct json_slice array;
    struct json_slice element;
    size_t count = 0;
    if (!json_field_of_type(object, "command", JSON_TEXT_ARRAY, &array, &error)) {
        add_fault(findings, "%s", error.text);
        return;
    }
    runner->command = memory_allocate_array(COMMAND_ELEMENTS_MAX + 1, sizeof *runner->command);
    struct json_iterator elements = json_text_elements(array);
    while (array.text && json_text_next_element(&elements, &element)) {
        if (count == COMMAND_ELEMENTS_MAX) {
            add_fault(findings, "command has more than %d elements", COMMAND_ELEMENTS_MAX);
            return;
        }
        char *text = json_text_decode_string(element, &error);
        if (!text) {
            add_fault(findings, "command[%zu]: %s", count, error.text);
            return;
        }
        runner->command[count] = resolve_element(text, folder, count, findings);
        count++;
    }
    if (!count || text_is_blank(runner->command[0]))
        add_fault(findings, "command must be an array that begins with a program");
    else if (runner->command[0][0] == '/' && access(runner->command[0], X_OK) != 0)
        add_warning(findings, "command[0]: %.*s: %s", TEXT_CUT(runner->command[0], 200), strerror(errno));
}

static void read_integer(struct json_slice object, const char *name, int64_t low, int64_t high,
                         int64_t *value, struct runner_file_findings *findings)
{
    struct error error;
    if (!json_field_int64(object, name, value, NULL, &error))
        add_fault(findings, "%s", error.text);
    else if (*value < low || *value > high)
        add_fault(findings, "%s must be %lld to %lld, got %lld", name, (long long)low, (long long)high,
                  (long long)*value);
}

static bool is_variable_name(const char *name)
{
    if (!name[0] || text_is_digit(name[0]))
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return true;
}

static char *read_variable(struct json_slice raw_name, struct json_slice raw_value,
                           struct runner_file_findings *findings)
{
    struct error error;
    char *variable = NULL;
    char *name = json_text_decode_string(raw_name, &error);
    char *value =
        json_text_type(raw_value) == JSON_TEXT_STRING ? json_text_decode_string(raw_value, &error) : NULL;
    if (!name || !is_variable_name(name))
        add_fault(findings, "env: '%.*s' is no name of a variable", TEXT_CUT(name ? name : "", 64));
    else if (strncmp(name, "POSEMESH_", 9) == 0)
        add_fault(findings, "env.%.*s: names with POSEMESH_ are the node's", TEXT_CUT(name, 64));
    else if (!value)
        add_fault(findings, "env.%.*s must be a string", TEXT_CUT(name, 64));
    else
        variable = memory_format("%s=%s", name, value);
    free(name);
    free(value);
    return variable;
}

static void read_environment(struct json_slice object, struct runner *runner,
                             struct runner_file_findings *findings)
{
    struct error error;
    struct json_slice variables;
    struct json_slice name;
    struct json_slice value;
    size_t count = 0;
    if (!json_field_of_type(object, "env", JSON_TEXT_OBJECT, &variables, &error)) {
        add_fault(findings, "%s", error.text);
        return;
    }
    if (!variables.text)
        return;
    runner->environment = memory_allocate_array(VARIABLES_MAX + 1, sizeof *runner->environment);
    struct json_iterator members = json_text_members(variables);
    while (json_text_next_member(&members, &name, &value)) {
        if (count == VARIABLES_MAX) {
            add_fault(findings, "env has more than %d variables", VARIABLES_MAX);
            return;
        }
        char *variable = read_variable(name, value, findings);
        if (variable)
            runner->environment[count++] = variable;
    }
}

/* A field that is not known is most likely a typing mistake, or of a later version. */
static void warn_of_unknown_fields(struct json_slice object, struct runner_file_findings *findings)
{
    static const char *const known[] = {"capability",      "command", "timeout_secs",
                                        "max_concurrency", "env",     "domain_token"};
    struct error error;
    struct json_slice raw_name;
    struct json_slice value;
    struct json_iterator members = json_text_members(object);
    while (json_text_next_member(&members, &raw_name, &value)) {
        bool found = false;
        char *name = json_text_decode_string(raw_name, &error);
        for (size_t i = 0; name && i < sizeof known / sizeof known[0]; i++)
            found = found || strcmp(name, known[i]) == 0;
        if (!found)
            add_warning(findings, "%.*s is not known and does nothing",
                        TEXT_CUT(name ? name : "a field", 64));
        free(name);
    }
}

bool runner_file_parse(const char *text, size_t length, const char *folder, struct runner *runner,
                       struct runner_file_findings *findings)
{
    struct error error;
    struct json_slice object;
    bool domain_token = false;
    *runner = (struct runner){.timeout_secs = 3600, .max_concurrency = 1};
    *findings = (struct runner_file_findings){.fault_count = 0};
    if (length > LIMIT_RUNNER_FILE_BYTES) {
        add_fault(findings, "has more than %d bytes", LIMIT_RUNNER_FILE_BYTES);
        return false;
    }
    if (!json_field_parse_object(text, length, &object, &error)) {
        add_fault(findings, "%s", error.text);
        return false;
    }
    read_capability(object, runner, findings);
    read_command(object, folder, runner, findings);
    read_integer(object, "timeout_secs", 1, TIMEOUT_MAX_SECS, &runner->timeout_secs, findings);
    read_integer(object, "max_concurrency", 1, LIMIT_CONCURRENCY, &runner->max_concurrency, findings);
    read_environment(object, runner, findings);
    if (!json_field_bool(object, "domain_token", &domain_token, NULL, &error))
        add_fault(findings, "%s", error.text);
    if (domain_token)
        add_warning(findings, "domain_token: jobs get no domain token in this version");
    warn_of_unknown_fields(object, findings);
    if (findings->fault_count)
        runner_clear(runner);
    return findings->fault_count == 0;
}

static void free_texts(char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        free(texts[i]);
    free(texts);
}

void runner_clear(struct runner *runner)
{
    free(runner->capability);
    free_texts(runner->command);
    free_texts(runner->environment);
    *runner = (struct runner){.capability = NULL};
}
