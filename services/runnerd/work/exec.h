/* The work of an exec job: the program of its runner file runs, and what it prints is passed on. */
#ifndef RUNNERD_WORK_EXEC_H
#define RUNNERD_WORK_EXEC_H

#include "services/runnerd/work/work.h"

extern const struct work_kind work_exec;

#endif
