#include "tests/unit/protocol_document.h"

#include "libcommon/base/memory.h"
#include "libcommon/node/operations.h"

#include <stdio.h>
#include <string.h>

static const char introduction[] =
    "# Messages between the processes\n"
    "\n"
    "Made from `libcommon/node/messages.h` and `libcommon/node/operations.h`; do not edit. To write it "
    "anew:\n"
    "`cmake --build --preset release --target protocol-document`.\n"
    "\n"
    "A message is one msgpack map: `\"message\"` with its name, and its fields. Unknown fields are ignored; "
    "a missing\n"
    "required field, a duplicate, a wrong type, a value above its limit and trailing bytes are refused with "
    "an error that\n"
    "names the field. Any request may be answered by `failure` instead. How the parts play together is told "
    "in\n"
    "[architecture.md](architecture.md).\n";

static const char *const kind_names[] = {
    [MESSAGE_KIND_text] = "text",
    [MESSAGE_KIND_json] = "JSON text",
    [MESSAGE_KIND_secret] = "bytes (secret)",
    [MESSAGE_KIND_bytes] = "bytes",
    [MESSAGE_KIND_integer] = "integer",
    [MESSAGE_KIND_boolean] = "bool",
    [MESSAGE_KIND_texts] = "list of texts",
    [MESSAGE_KIND_records] = "list of",
};

static void write_callers(FILE *out, unsigned callers)
{
    const char *separator = "";
    for (enum service_id id = 0; id <= SERVICE_NODE; id++) {
        if (!(callers & (1U << id)))
            continue;
        fprintf(out, "%s%s", separator, id == SERVICE_NODE ? "posemesh-node" : service_name(id));
        separator = ", ";
    }
}

static void write_roles(FILE *out)
{
    fputs("\n## Roles\n\nEach is one socket, `<POSEMESH_RUNTIME_DIR>/<role>/sock`.\n\n| role | who may call "
          "| connections of one user |\n| --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        fprintf(out, "| %s/%s | ", service_name(role_infos[i].owner), role_infos[i].folder);
        write_callers(out, role_infos[i].callers);
        fprintf(out, " | %zu |\n", role_infos[i].connections_max);
    }
}

static void write_operations(FILE *out)
{
    fputs("\n## Operations\n\nnng delivers a request at least once: the last column tells what a repeat "
          "does.\n\n"
          "| request | answer | role | bytes at most | deadline | a repeat |\n| --- | --- | --- | --- | --- "
          "| --- |\n",
          out);
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        const struct operation_info *operation = &operation_infos[i];
        fprintf(out, "| [%s](#%s) | [%s](#%s) | ", operation->request->name, operation->request->name,
                operation->answer->name, operation->answer->name);
        if (operation->role == ROLE_every_status)
            fputs("*/status", out);
        else
            fprintf(out, "%s/%s", service_name(role_infos[operation->role].owner),
                    role_infos[operation->role].folder);
        fprintf(out, " | %zu | ", operation->request_limit_bytes);
        if (operation->deadline_ms)
            fprintf(out, "%.0f s", (double)operation->deadline_ms / 1000);
        else
            fputs("none", out);
        fprintf(out, " | %s |\n", operation->on_repeat);
    }
}

static void write_events(FILE *out)
{
    fputs("\n## Events\n\nHints by pub/sub, which may get lost, at "
          "`<POSEMESH_RUNTIME_DIR>/<publisher>/events/sock`.\n\n"
          "| event | publisher |\n| --- | --- |\n",
          out);
    for (size_t i = 0; i < EVENT_COUNT; i++)
        fprintf(out, "| [%s](#%s) | %s |\n", event_infos[i].message->name, event_infos[i].message->name,
                service_name(event_infos[i].publisher));
}

static void write_commands(FILE *out)
{
    fputs("\n## Commands\n\nWhat `action` of a [host_command](#host_command) is, but `none`.\n\n"
          "| action | the runner host |\n| --- | --- |\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "| %s | %s |\n", command_infos[i].action, command_infos[i].meaning);
}

static void write_field(FILE *out, const struct message_field *field)
{
    fprintf(out, "| %s | %s", field->name, kind_names[field->kind]);
    if (field->record)
        fprintf(out, " [%s](#%s)", field->record->name, field->record->name);
    fprintf(out, " | %s | ", field->required ? "yes" : "no");
    if (field->limit)
        fprintf(out, "%zu", field->limit);
    fprintf(out, " | %s |\n", field->meaning);
}

static void write_message(FILE *out, const struct message_type *type)
{
    fprintf(out, "\n### %s\n\n%c%s.\n", type->name, type->meaning[0] & ~0x20, type->meaning + 1);
    if (!type->fields()->name)
        return;
    fputs("\n| field | kind | required | limit | meaning |\n| --- | --- | --- | --- | --- |\n", out);
    for (const struct message_field *field = type->fields(); field->name; field++)
        write_field(out, field);
}

char *protocol_document_compose(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        memory_exhausted();
    fputs(introduction, out);
    write_roles(out);
    write_operations(out);
    write_events(out);
    write_commands(out);
    fputs("\n## Messages\n\nLimits are bytes of a value or of one text of a list, and items of a list of "
          "messages.\n",
          out);
    for (size_t i = 0; message_types[i]; i++)
        write_message(out, message_types[i]);
    fclose(out);
    return text;
}
