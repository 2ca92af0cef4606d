/* Who is killed first when the machine has no memory left: oom_score_adj of proc(5). */
#ifndef RUNNERD_SHIM_OOM_SCORE_H
#define RUNNERD_SHIM_OOM_SCORE_H

/*
 * Raises the calling process's score above what it is, far enough for it to be killed before its like; what
 * it starts inherits that. Returns the score before, for oom_score_restore(). No privilege is needed for
 * either, and where there is no /proc nothing happens.
 */
int oom_score_raise(void);
void oom_score_restore(int score);

#endif
