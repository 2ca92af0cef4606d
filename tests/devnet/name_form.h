/* Names and data types of artifacts, worked out anew from docs/network.md 4.2. */
#ifndef DEVNET_NAME_FORM_H
#define DEVNET_NAME_FORM_H

#include <stdbool.h>

/* Every code point outside `A-Z a-z 0-9 - _` becomes one `_`. free() it. */
char *name_sanitise(const char *text);

bool name_is_sanitised(const char *text);

/* `logical_path` sanitised, `_`, `task_id`. free() it. */
char *name_of_artifact(const char *logical_path, const char *task_id);

/* From the extension of the path's last component. free() it. */
char *name_data_type(const char *logical_path);

#endif
