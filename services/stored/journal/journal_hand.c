/* Which requests of runners stored has in hand, and how often it died with one. */
#include "services/stored/journal/journal.h"
#include "services/stored/journal/journal_statement.h"

enum { DEATHS_MAX = 3 };

/* What had begun before it was asked for again counts as well: journal_inputs_asked(). */
void journal_deaths_count(struct journal *journal, bool crashed)
{
    journal_run(journal, JOURNAL_begin, NULL, 0);
    if (crashed)
        journal_run(journal, JOURNAL_deaths_count, NULL, 0);
    journal_run(journal, JOURNAL_hand_clear, NULL, 0);
    journal_end(journal, true);
}

static void read_count(void *context, sqlite3_stmt *row)
{
    *(int *)context = sqlite3_column_int(row, 0);
}

#define REQUEST_VALUES(request)                                                                              \
    JOURNAL_TEXT((request)->task_id), JOURNAL_TEXT((request)->operation), JOURNAL_TEXT((request)->name)

int journal_deaths(struct journal *journal, const struct journal_request *request)
{
    int count = 0;
    journal_visit(journal, JOURNAL_deaths_of, JOURNAL_VALUES(REQUEST_VALUES(request)), read_count, &count);
    return count;
}

bool journal_check_deaths(struct journal *journal, const struct journal_request *request, struct error *error)
{
    int deaths = journal_deaths(journal, request);
    return deaths < DEATHS_MAX ||
           error_set(error, ERROR_SYSTEM,
                     "stored has crashed %d times with this request in hand: it is not tried again", deaths);
}

int64_t journal_request_taken(struct journal *journal, const struct journal_request *request)
{
    if (!journal_run(journal, JOURNAL_hand_add, JOURNAL_VALUES(REQUEST_VALUES(request))))
        return 0;
    return sqlite3_last_insert_rowid(journal->database);
}

void journal_request_answered(struct journal *journal, int64_t number)
{
    if (!number)
        return;
    journal_run(journal, JOURNAL_begin, NULL, 0);
    journal_run(journal, JOURNAL_deaths_forget, JOURNAL_VALUES(JOURNAL_INTEGER(number)));
    journal_run(journal, JOURNAL_hand_forget, JOURNAL_VALUES(JOURNAL_INTEGER(number)));
    journal_end(journal, true);
}
