/* Where an input lies below a task's workspace (docs/network.md 4.1). */
#ifndef STORED_INPUTS_INPUT_PATH_H
#define STORED_INPUTS_INPUT_PATH_H

/* The paths that a workspace's inputs have so far. */
struct input_path_set;

struct input_path_set *input_path_set_create(void);
void input_path_set_free(struct input_path_set *set);

/*
 * datasets/{scan}/{name}.{data_type}, or {name}-2.{data_type}, -3 and so on when the set has that path, and
 * puts the result into the set. `name` and `data_type` may be NULL. free() it.
 */
char *input_path_assign(struct input_path_set *set, const char *name, const char *data_type);

/* Puts a path into the set that was assigned before a restart. */
void input_path_take(struct input_path_set *set, const char *path);

#endif
