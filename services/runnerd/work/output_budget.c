#include "services/runnerd/work/output_budget.h"

#include "libcommon/base/limits.h"

enum {
    LINE_BYTES = 256, /* of a line in the log beside its text: whose it is */
    TOKENS_PER_BYTE = 1000
};

static const int64_t tokens_max = (int64_t)LIMIT_OUTPUT_LOGGED_BYTES * TOKENS_PER_BYTE;

void output_budget_init(struct output_budget *budget, int64_t now_ms)
{
    *budget = (struct output_budget){.tokens = tokens_max, .at_ms = now_ms, .next_tell_ms = now_ms};
}

/* Bytes in a second are thousandths of a byte in a millisecond. */
static void refill(struct output_budget *budget, int64_t now_ms)
{
    const int64_t full_ms = tokens_max / LIMIT_OUTPUT_LOGGED_BYTES_PER_SEC;
    int64_t elapsed_ms = now_ms - budget->at_ms;
    if (elapsed_ms <= 0)
        return;
    budget->at_ms = now_ms;
    budget->tokens += LIMIT_OUTPUT_LOGGED_BYTES_PER_SEC * (elapsed_ms < full_ms ? elapsed_ms : full_ms);
    if (budget->tokens > tokens_max)
        budget->tokens = tokens_max;
}

static bool lose(struct output_budget *budget, size_t length)
{
    budget->lost_lines++;
    budget->lost_bytes += length;
    return false;
}

bool output_budget_pass(struct output_budget *budget, size_t length, int64_t now_ms)
{
    int64_t price = (int64_t)(length + LINE_BYTES) * TOKENS_PER_BYTE;
    refill(budget, now_ms);
    if (price > budget->tokens)
        return lose(budget, length);
    budget->tokens -= price;
    return true;
}

bool output_budget_pass_piece(struct output_budget *budget, bool *cut, size_t piece, size_t length,
                              int64_t now_ms)
{
    bool passes = piece > 1 && *cut ? lose(budget, length) : output_budget_pass(budget, length, now_ms);
    *cut = !passes;
    return passes;
}

bool output_budget_tell(struct output_budget *budget, bool at_end, int64_t now_ms)
{
    if (budget->lost_lines == budget->told_lines || (!at_end && now_ms < budget->next_tell_ms))
        return false;
    budget->told_lines = budget->lost_lines;
    budget->next_tell_ms = now_ms + OUTPUT_BUDGET_TELL_MS;
    return true;
}
