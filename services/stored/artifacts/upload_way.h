/*
 * Which way an artifact goes up, step by step (docs/network.md 4.2):
 *
 *   (what an earlier run of stored left -> resume it, or end it at the server first)
 *   look up the id -> (small) ask for the server's limits -> one request
 *                  -> (large or streamed) multipart -> one request, when the server has no multipart
 *
 * Pure: each function is told how a step ended, and returns the next one.
 */
#ifndef STORED_ARTIFACTS_UPLOAD_WAY_H
#define STORED_ARTIFACTS_UPLOAD_WAY_H

#include "services/stored/artifacts/multipart_upload.h"
#include "services/stored/artifacts/resumable_upload.h"

#include <stdbool.h>
#include <stdint.h>

enum upload_step {
    UPLOAD_STEP_WAIT, /* a stream has nothing to send: until it has grown */
    UPLOAD_STEP_END_EARLIER,
    UPLOAD_STEP_LOOK_UP,
    UPLOAD_STEP_ASK_LIMITS,
    UPLOAD_STEP_SEND_WHOLE, /* in one request */
    UPLOAD_STEP_SEND_PARTS, /* by multipart; resumes the earlier upload, if there is one */
    UPLOAD_STEP_SEND_PARTS_ANEW,
    UPLOAD_STEP_LOOK_UP_COMPLETED, /* whether a completion was taken whose answer got lost */
    UPLOAD_STEP_SUCCEED,
    UPLOAD_STEP_GIVE_UP
};

enum upload_way_form { UPLOAD_WAY_OPEN, UPLOAD_WAY_WHOLE, UPLOAD_WAY_PARTS };

/* The first seven are set by the caller, who keeps whole, has_id and bytes up to date; the rest is zero at
 * first. */
struct upload_way {
    bool streamed;
    bool transient; /* the file was made for this upload alone */
    bool whole;     /* no stream, or one that is finished */
    bool has_id;    /* the data to replace is known */
    int64_t bytes;  /* that can be sent so far */
    int64_t multipart_min_bytes;
    enum resumable_upload_use earlier;

    enum upload_way_form form;
    bool multipart_unsupported;
    bool began_anew; /* the server had forgotten the upload */
    bool looked_up_again;
};

/* At the start, and when a stream has grown while nothing is under way. */
enum upload_step upload_way_next(struct upload_way *way);

/* GIVE_UP: the file has changed since the earlier upload began. */
enum upload_step upload_way_after_ending(struct upload_way *way);

/* `failure` is NULL when the server has answered, whatever that was. */
enum upload_step upload_way_after_lookup(struct upload_way *way, const struct error *failure);

/* `demands_multipart`: the server does not take so much in one request. */
enum upload_step upload_way_after_limits(struct upload_way *way, bool demands_multipart);
enum upload_step upload_way_after_whole(struct upload_way *way, const struct error *failure);
enum upload_step upload_way_after_parts(struct upload_way *way, const struct multipart_upload_result *result);

/* The completed data is there when `has_id` says so. */
enum upload_step upload_way_after_completed_lookup(struct upload_way *way, const struct error *failure);

#endif
