/* The answer to a robot's registration and to its login (docs/network.md 1.4): a token (token_answer.h), and
 * who the robot is. */
#ifndef AUTHD_DDS_ROBOT_ANSWER_H
#define AUTHD_DDS_ROBOT_ANSWER_H

#include "services/authd/dds/token_answer.h"

/*
 * As token_answer_parse(). A robot_id that is missing, blank, no UUID or the nil one is an error that names
 * the field, and shows nothing of it: a server may put anything there. Nothing here needs the id itself.
 */
bool robot_answer_parse(const char *json, size_t length, int64_t server_unix_ms, struct token_answer *answer,
                        struct error *error);

#endif
