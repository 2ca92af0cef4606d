/*
 * Whether DMS is to be had, as the requests to it tell: the polls, and those of tasks (heartbeats and
 * reports), which are all that goes out while there is no room for another task. Pure.
 */
#ifndef LEASED_DMS_DMS_REACH_H
#define LEASED_DMS_DMS_REACH_H

#include "services/leased/dms/dms_answer.h"

struct dms_trouble {
    bool no_token;             /* authd gave none for the last request */
    char text[DMS_TEXT_BYTES]; /* else what hinders, a sentence; "": nothing does. As of waiting_line.h */
};

struct dms_reach {
    struct dms_trouble polls;
    struct dms_trouble tasks; /* an answered poll ends it, too: the task may be gone */
};

void dms_reach_note(struct dms_reach *reach, bool of_task, const struct dms_answer *answer);

#endif
