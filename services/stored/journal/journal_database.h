/* The file behind the journal (journal.h): opening and closing. */
#ifndef STORED_JOURNAL_JOURNAL_DATABASE_H
#define STORED_JOURNAL_JOURNAL_DATABASE_H

#include "libcommon/base/error.h"

struct journal;

/*
 * `boot_id` names this boot of the machine. ERROR_CONFLICT: another process has the journal, or a newer
 * version wrote it. ERROR_SYSTEM: it cannot be opened. One that is damaged is replaced by an empty one, and
 * on a full disk by one in memory, which is gone with the process.
 */
struct journal *journal_open(const char *state_dir, const char *boot_id, struct error *error);

/* NULL is harmless. */
void journal_close(struct journal *journal);

#endif
