#include "services/authd/dds/dds_body.h"

static void write_credentials(struct json_writer *body, const struct secret *credentials)
{
    json_writer_key(body, "registration_credentials");
    json_writer_string_bytes(body, credentials->bytes, credentials->length);
}

void dds_body_registration_members(struct json_writer *body, const struct secret *credentials,
                                   const char *version, const struct text_list *capabilities)
{
    write_credentials(body, credentials);
    json_writer_string_member(body, "version", version);
    json_writer_key(body, "capabilities");
    json_writer_open_array(body);
    for (size_t i = 0; i < capabilities->count; i++)
        json_writer_string(body, capabilities->items[i]);
    json_writer_close_array(body);
}

void dds_body_robot_registration(struct json_writer *body, const struct secret *credentials,
                                 const char *version, const struct text_list *capabilities)
{
    json_writer_open_object(body);
    dds_body_registration_members(body, credentials, version, capabilities);
    json_writer_close_object(body);
}

void dds_body_robot_login(struct json_writer *body, const struct secret *credentials)
{
    json_writer_open_object(body);
    write_credentials(body, credentials);
    json_writer_close_object(body);
}
