#include "services/stored/artifacts/upload_way.h"

static enum upload_step send_whole(struct upload_way *way)
{
    way->form = UPLOAD_WAY_WHOLE;
    return UPLOAD_STEP_SEND_WHOLE;
}

static enum upload_step send_parts(struct upload_way *way)
{
    way->form = UPLOAD_WAY_PARTS;
    return UPLOAD_STEP_SEND_PARTS;
}

/* What can be sent by now. No part can be empty, so an empty artifact takes the small form. */
static enum upload_step send_more(struct upload_way *way)
{
    if (way->whole && (way->form == UPLOAD_WAY_WHOLE || way->bytes == 0))
        return send_whole(way);
    return way->form == UPLOAD_WAY_PARTS ? send_parts(way) : UPLOAD_STEP_WAIT;
}

static enum upload_step choose_form(struct upload_way *way)
{
    if (!way->streamed && way->bytes < way->multipart_min_bytes)
        return UPLOAD_STEP_ASK_LIMITS;
    way->form = UPLOAD_WAY_PARTS;
    return send_more(way);
}

/* A stream that nothing was written to costs nothing. */
static enum upload_step begin(struct upload_way *way)
{
    if (!way->whole && way->bytes == 0)
        return UPLOAD_STEP_WAIT;
    return way->has_id ? choose_form(way) : UPLOAD_STEP_LOOK_UP;
}

enum upload_step upload_way_next(struct upload_way *way)
{
    if (way->form != UPLOAD_WAY_OPEN)
        return send_more(way);
    if (way->earlier == RESUMABLE_UPLOAD_NONE)
        return begin(way);
    return way->earlier == RESUMABLE_UPLOAD_RESUME ? send_parts(way) : UPLOAD_STEP_END_EARLIER;
}

/* A file that was made for this upload alone is another one each time. */
enum upload_step upload_way_after_ending(struct upload_way *way)
{
    bool changed = way->earlier == RESUMABLE_UPLOAD_CHANGED;
    way->earlier = RESUMABLE_UPLOAD_NONE;
    return changed && !way->transient ? UPLOAD_STEP_GIVE_UP : begin(way);
}

/* 404 is a server's way to say that there is nothing of that name. */
enum upload_step upload_way_after_lookup(struct upload_way *way, const struct error *failure)
{
    return failure && failure->status != 404 ? UPLOAD_STEP_GIVE_UP : choose_form(way);
}

enum upload_step upload_way_after_limits(struct upload_way *way, bool demands_multipart)
{
    return way->bytes > 0 && demands_multipart ? send_parts(way) : send_whole(way);
}

enum upload_step upload_way_after_whole(struct upload_way *way, const struct error *failure)
{
    if (!failure)
        return UPLOAD_STEP_SUCCEED;
    /* An answer that got lost, or somebody else created it meanwhile: then it is updated. */
    if (failure->status == 409 && !way->has_id && !way->looked_up_again) {
        way->looked_up_again = true;
        return UPLOAD_STEP_LOOK_UP;
    }
    /* The server takes less at once than it said, or said nothing. */
    if (failure->status == 413 && way->bytes > 0 && !way->multipart_unsupported)
        return send_parts(way);
    return UPLOAD_STEP_GIVE_UP;
}

/* Once: a server that forgets every upload would be asked for ever. */
static enum upload_step begin_anew(struct upload_way *way)
{
    if (way->began_anew)
        return UPLOAD_STEP_GIVE_UP;
    way->began_anew = true;
    return UPLOAD_STEP_SEND_PARTS_ANEW;
}

/*
 * Whether a completion was taken whose answer got lost: a new artifact is looked for by its name. Of an
 * update nobody could tell, as the data was there before: it begins anew.
 */
enum upload_step upload_way_after_parts(struct upload_way *way, const struct multipart_upload_result *result)
{
    if (result->id)
        return UPLOAD_STEP_SUCCEED;
    if (result->unsupported) {
        way->multipart_unsupported = true;
        way->form = UPLOAD_WAY_WHOLE;
        return send_more(way);
    }
    if (result->maybe_stored && !way->has_id)
        return UPLOAD_STEP_LOOK_UP_COMPLETED;
    return result->forgotten || result->maybe_stored ? begin_anew(way) : UPLOAD_STEP_GIVE_UP;
}

enum upload_step upload_way_after_completed_lookup(struct upload_way *way, const struct error *failure)
{
    if (failure)
        return UPLOAD_STEP_GIVE_UP;
    return way->has_id ? UPLOAD_STEP_SUCCEED : begin_anew(way);
}
