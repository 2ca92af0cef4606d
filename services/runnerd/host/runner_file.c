#include "services/runnerd/host/runner_file.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/json/json_field.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_ELEMENTS_MAX = 256, VARIABLES_MAX = 256, TIMEOUT_MAX_SECS = 366 * 86400 };

/* What is being read. */
struct reading {
    const char *text;
    struct json_slice object; /* the whole of it */
    const char *folder;
    struct runner *runner;
    struct runner_file_findings *findings;
};

/* --- findings --- */

/* `at` points into the text; NULL: the fault is of no line. */
static size_t line_of(const struct reading *reading, const char *at)
{
    size_t line = 1;
    if (!at)
        return 0;
    for (const char *c = reading->text; c < at; c++)
        line += *c == '\n';
    return line;
}

/* Where a field's value is; NULL when it is missing, or there twice. */
static const char *place_of(const struct reading *reading, const char *field)
{
    struct json_slice value = {NULL, 0};
    struct error error;
    return json_text_member(reading->object, field, &value, &error) ? value.text : NULL;
}

static void __attribute__((format(printf, 3, 4)))
add_fault(const struct reading *reading, const char *at, const char *format, ...)
{
    struct runner_file_findings *findings = reading->findings;
    va_list arguments;
    if (findings->fault_count >= sizeof findings->faults / sizeof findings->faults[0])
        return;
    struct runner_file_finding *fault = &findings->faults[findings->fault_count++];
    fault->line = line_of(reading, at);
    va_start(arguments, format);
    text_format_list(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
}

static void __attribute__((format(printf, 3, 4)))
add_warning(const struct reading *reading, const char *at, const char *format, ...)
{
    struct runner_file_findings *findings = reading->findings;
    va_list arguments;
    if (findings->warning_count >= sizeof findings->warnings / sizeof findings->warnings[0])
        return;
    struct runner_file_finding *warning = &findings->warnings[findings->warning_count++];
    warning->line = line_of(reading, at);
    va_start(arguments, format);
    text_format_list(warning->text, sizeof warning->text, format, arguments);
    va_end(arguments);
}

const char *runner_file_finding_format(const char *file, const struct runner_file_finding *finding, char *out,
                                       size_t capacity)
{
    if (finding->line)
        text_format(out, capacity, "%s:%zu: %s", file, finding->line, finding->text);
    else
        text_format(out, capacity, "%s: %s", file, finding->text);
    return out;
}

/* --- fields --- */

static void read_capability(const struct reading *reading)
{
    struct error error;
    char **capability = &reading->runner->capability;
    const char *at = place_of(reading, "capability");
    if (!json_field_required_string(reading->object, "capability", capability, &error)) {
        add_fault(reading, at, "%s", error.text);
        return;
    }
    if (strlen(*capability) > LIMIT_NAME_BYTES)
        add_fault(reading, at, "capability is longer than %d bytes", LIMIT_NAME_BYTES);
    for (const char *c = *capability; *c; c++) {
        if ((unsigned char)*c > ' ' && *c != 0x7f)
            continue;
        add_fault(reading, at, "capability has white space or a control character in it");
        return;
    }
}

/*
 * Relative paths are relative to the file: the job's current folder is its workspace. What they lead to is
 * found anew at each start, so that neither a link that was turned nor a file that came later is missed.
 */
static bool is_relative_file(const char *element)
{
    return strncmp(element, "./", 2) == 0 || strncmp(element, "../", 3) == 0;
}

/* The folder has neither links nor dots in its path, so that what is above it is known. */
static char *resolve_element(char *element, const char *folder)
{
    const char *rest = element;
    size_t length = strlen(folder);
    while (is_relative_file(rest)) {
        bool up = rest[1] == '.';
        while (up && length && folder[--length] != '/')
            continue;
        rest += up ? 3 : 2;
    }
    char *joined = memory_format("%.*s/%s", (int)length, folder, rest);
    free(element);
    return joined;
}

static void read_command(const struct reading *reading)
{
    struct error error;
    struct json_slice array;
    struct json_slice element;
    struct runner *runner = reading->runner;
    size_t count = 0;
    size_t file_count = 0;
    if (!json_field_of_type(reading->object, "command", JSON_TEXT_ARRAY, &array, &error)) {
        add_fault(reading, place_of(reading, "command"), "%s", error.text);
        return;
    }
    runner->command = memory_allocate_array(COMMAND_ELEMENTS_MAX + 1, sizeof *runner->command);
    runner->files = memory_allocate_array(COMMAND_ELEMENTS_MAX + 1, sizeof *runner->files);
    struct json_iterator elements = json_text_elements(array);
    while (array.text && json_text_next_element(&elements, &element)) {
        if (count == COMMAND_ELEMENTS_MAX) {
            add_fault(reading, element.text, "command has more than %d elements", COMMAND_ELEMENTS_MAX);
            return;
        }
        char *text = json_text_decode_string(element, &error);
        if (!text) {
            add_fault(reading, element.text, "command[%zu]: %s", count, error.text);
            return;
        }
        bool is_file = is_relative_file(text);
        runner->command[count] = is_file ? resolve_element(text, reading->folder) : text;
        if (is_file && count)
            runner->files[file_count++] = runner->command[count];
        count++;
    }
    if (!count || text_is_blank(runner->command[0]))
        add_fault(reading, array.text, "command must be an array that begins with a program");
}

static void read_integer(const struct reading *reading, const char *name, int64_t low, int64_t high,
                         int64_t *value)
{
    struct error error;
    if (!json_field_int64(reading->object, name, value, NULL, &error))
        add_fault(reading, place_of(reading, name), "%s", error.text);
    else if (*value < low || *value > high)
        add_fault(reading, place_of(reading, name), "%s must be %lld to %lld, got %lld", name, (long long)low,
                  (long long)high, (long long)*value);
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

static char *read_variable(const struct reading *reading, struct json_slice raw_name,
                           struct json_slice raw_value)
{
    struct error error;
    char *variable = NULL;
    char *name = json_text_decode_string(raw_name, &error);
    char *value =
        json_text_type(raw_value) == JSON_TEXT_STRING ? json_text_decode_string(raw_value, &error) : NULL;
    if (!name || !is_variable_name(name))
        add_fault(reading, raw_name.text, "env: '%.*s' is no name of a variable",
                  TEXT_CUT(name ? name : "", 64));
    else if (strncmp(name, "POSEMESH_", 9) == 0)
        add_fault(reading, raw_name.text, "env.%.*s: names with POSEMESH_ are the node's",
                  TEXT_CUT(name, 64));
    else if (!value)
        add_fault(reading, raw_name.text, "env.%.*s must be a string", TEXT_CUT(name, 64));
    else
        variable = memory_format("%s=%s", name, value);
    free(name);
    free(value);
    return variable;
}

static void read_environment(const struct reading *reading)
{
    struct error error;
    struct json_slice variables;
    struct json_slice name;
    struct json_slice value;
    struct runner *runner = reading->runner;
    size_t count = 0;
    if (!json_field_of_type(reading->object, "env", JSON_TEXT_OBJECT, &variables, &error)) {
        add_fault(reading, place_of(reading, "env"), "%s", error.text);
        return;
    }
    if (!variables.text)
        return;
    runner->environment = memory_allocate_array(VARIABLES_MAX + 1, sizeof *runner->environment);
    struct json_iterator members = json_text_members(variables);
    while (json_text_next_member(&members, &name, &value)) {
        if (count == VARIABLES_MAX) {
            add_fault(reading, name.text, "env has more than %d variables", VARIABLES_MAX);
            return;
        }
        char *variable = read_variable(reading, name, value);
        if (variable)
            runner->environment[count++] = variable;
    }
}

static void read_domain_token(const struct reading *reading)
{
    struct error error;
    bool domain_token = false;
    const char *at = place_of(reading, "domain_token");
    if (!json_field_bool(reading->object, "domain_token", &domain_token, NULL, &error))
        add_fault(reading, at, "%s", error.text);
    if (domain_token)
        add_warning(reading, at, "domain_token: jobs get no domain token in this version");
}

/* A field that is not known is most likely a typing mistake, or of a later version. */
static void warn_of_unknown_fields(const struct reading *reading)
{
    static const char *const known[] = {"capability",      "command", "timeout_secs",
                                        "max_concurrency", "env",     "domain_token"};
    struct error error;
    struct json_slice raw_name;
    struct json_slice value;
    struct json_iterator members = json_text_members(reading->object);
    while (json_text_next_member(&members, &raw_name, &value)) {
        bool found = false;
        char *name = json_text_decode_string(raw_name, &error);
        for (size_t i = 0; name && i < sizeof known / sizeof known[0]; i++)
            found = found || strcmp(name, known[i]) == 0;
        if (!found)
            add_warning(reading, raw_name.text, "%.*s is not known and does nothing",
                        TEXT_CUT(name ? name : "a field", 64));
        free(name);
    }
}

bool runner_file_parse(const char *text, size_t length, const char *folder, struct runner *runner,
                       struct runner_file_findings *findings)
{
    struct error error;
    struct reading reading = {.text = text, .folder = folder, .runner = runner, .findings = findings};
    *runner = (struct runner){.timeout_secs = 3600, .max_concurrency = 1};
    *findings = (struct runner_file_findings){.fault_count = 0};
    if (length > LIMIT_RUNNER_FILE_BYTES) {
        add_fault(&reading, NULL, "has more than %d bytes", LIMIT_RUNNER_FILE_BYTES);
        return false;
    }
    if (!json_field_parse_object(text, length, &reading.object, &error)) {
        add_fault(&reading, text + json_text_fault_at(text, length), "%s", error.text);
        return false;
    }
    read_capability(&reading);
    read_command(&reading);
    read_integer(&reading, "timeout_secs", 1, TIMEOUT_MAX_SECS, &runner->timeout_secs);
    read_integer(&reading, "max_concurrency", 1, LIMIT_CONCURRENCY, &runner->max_concurrency);
    read_environment(&reading);
    read_domain_token(&reading);
    warn_of_unknown_fields(&reading);
    if (findings->fault_count)
        runner_clear(runner);
    return findings->fault_count == 0;
}
