#include "libcommon/node/settings_help.h"

#include "libcommon/base/memory.h"
#include "libcommon/node/settings.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 80, INDENT = 2, GAP = 2, NAME_COLUMNS = 28, TEXT_COLUMN = INDENT + NAME_COLUMNS + GAP };

struct help {
    FILE *out;
    unsigned readers;
};

static bool is_secret(const char *variable)
{
    for (size_t i = 0; i < settings_secret_count; i++)
        if (strcmp(variable, settings_secret_variables[i]) == 0)
            return true;
    return false;
}

/* Up to the next space; a default stays with its name. */
static size_t word_length(const char *word)
{
    static const char glue[] = "default: ";
    size_t length = strcspn(word, " ");
    const char *glued = strstr(word, glue);
    if (glued && glued < word + length)
        length = (size_t)(glued - word) + strlen(glue) + strcspn(glued + strlen(glue), " ");
    return length;
}

/* At the text's column. Words that are longer than a line stay whole. */
static void print_wrapped(FILE *out, const char *text)
{
    size_t column = TEXT_COLUMN;
    for (const char *word = text; *word;) {
        size_t length = word_length(word);
        bool first = word == text;
        if (!first && column + 1 + length > COLUMNS) {
            fprintf(out, "\n%*s", TEXT_COLUMN, "");
            column = TEXT_COLUMN;
        } else if (!first) {
            fputc(' ', out);
            column++;
        }
        fwrite(word, 1, length, out);
        column += length;
        word += length + (word[length] == ' ');
    }
    fputc('\n', out);
}

/* "callback, wallet, robot"; free() it. */
static char *list_choices(const char *choices)
{
    char *list = memory_copy_text("");
    for (const char *at = choices; *at;) {
        size_t length = strcspn(at, "|");
        char *longer = memory_format("%s%s%.*s", list, *list ? ", " : "", (int)length, at);
        free(list);
        list = longer;
        at += length + (at[length] == '|');
    }
    return list;
}

static char *describe(const char *default_text, const char *meaning)
{
    if (strcmp(default_text, SETTINGS_REQUIRED) == 0)
        return memory_format("required: %s", meaning);
    if (strcmp(default_text, SETTINGS_OPTIONAL) == 0)
        return memory_copy_text(meaning);
    if (!strchr(default_text, '|'))
        return memory_format("%s (default: %s)", meaning, default_text);
    char *choices = list_choices(default_text);
    char *text = memory_format("%s (%s; default: %.*s)", meaning, choices, (int)strcspn(default_text, "|"),
                               default_text);
    free(choices);
    return text;
}

static void print_setting(void *context, const char *variable, unsigned readers, const char *default_text,
                          const char *meaning)
{
    const struct help *help = context;
    if (!(readers & help->readers))
        return;
    char *name =
        is_secret(variable) ? memory_format("%s or %s_FILE", variable, variable) : memory_copy_text(variable);
    char *text = describe(default_text, meaning);
    if (strlen(name) > NAME_COLUMNS)
        fprintf(help->out, "%*s%s\n%*s", INDENT, "", name, TEXT_COLUMN, "");
    else
        fprintf(help->out, "%*s%-*s%*s", INDENT, "", NAME_COLUMNS, name, GAP, "");
    print_wrapped(help->out, text);
    free(text);
    free(name);
}

void settings_help_print(FILE *out, unsigned readers)
{
    struct help help = {.out = out, .readers = readers};
    fputs("Reads from the environment:\n", out);
    settings_visit(print_setting, &help);
}
