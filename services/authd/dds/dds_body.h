/* Bodies of requests to DDS that more than one flow has, or that are made of credentials alone. Pure; the
 * buffers of a writer are wiped. */
#ifndef AUTHD_DDS_DDS_BODY_H
#define AUTHD_DDS_DDS_BODY_H

#include "libcommon/base/secret.h"
#include "libcommon/json/json_writer.h"
#include "libcommon/message/message.h"

/* The members `version`, `registration_credentials` and `capabilities` of an open object
 * (docs/network.md 1.1, 1.3, 1.4). */
void dds_body_registration_members(struct json_writer *body, const struct secret *credentials,
                                   const char *version, const struct text_list *capabilities);

/* A robot's registration and its login (1.4). */
void dds_body_robot_registration(struct json_writer *body, const struct secret *credentials,
                                 const char *version, const struct text_list *capabilities);
void dds_body_robot_login(struct json_writer *body, const struct secret *credentials);

#endif
