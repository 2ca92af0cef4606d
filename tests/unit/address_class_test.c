#include "libcommon/http/address_class.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static const struct {
    const char *address;
    enum address_class class;
} rows[] = {
    {"0.0.0.0", ADDRESS_LOOPBACK},
    {"0.0.0.1", ADDRESS_PRIVATE},
    {"0.255.255.255", ADDRESS_PRIVATE},
    {"1.0.0.0", ADDRESS_PUBLIC},
    {"9.255.255.255", ADDRESS_PUBLIC},
    {"10.0.0.0", ADDRESS_PRIVATE},
    {"10.255.255.255", ADDRESS_PRIVATE},
    {"11.0.0.0", ADDRESS_PUBLIC},
    {"100.63.255.255", ADDRESS_PUBLIC},
    {"100.64.0.0", ADDRESS_PRIVATE},
    {"100.127.255.255", ADDRESS_PRIVATE},
    {"100.128.0.0", ADDRESS_PUBLIC},
    {"126.255.255.255", ADDRESS_PUBLIC},
    {"127.0.0.0", ADDRESS_LOOPBACK},
    {"127.0.0.1", ADDRESS_LOOPBACK},
    {"127.255.255.255", ADDRESS_LOOPBACK},
    {"128.0.0.0", ADDRESS_PUBLIC},
    {"169.253.255.255", ADDRESS_PUBLIC},
    {"169.254.0.0", ADDRESS_LINK_LOCAL},
    {"169.254.169.254", ADDRESS_LINK_LOCAL},
    {"169.255.0.0", ADDRESS_PUBLIC},
    {"172.15.255.255", ADDRESS_PUBLIC},
    {"172.16.0.0", ADDRESS_PRIVATE},
    {"172.31.255.255", ADDRESS_PRIVATE},
    {"172.32.0.0", ADDRESS_PUBLIC},
    {"192.167.255.255", ADDRESS_PUBLIC},
    {"192.168.0.0", ADDRESS_PRIVATE},
    {"192.168.255.255", ADDRESS_PRIVATE},
    {"192.169.0.0", ADDRESS_PUBLIC},
    {"255.255.255.255", ADDRESS_PUBLIC},
    {"::", ADDRESS_LOOPBACK},
    {"::1", ADDRESS_LOOPBACK},
    {"::2", ADDRESS_PRIVATE}, /* as 0.0.0.2 */
    {"::7f00:1", ADDRESS_LOOPBACK},
    {"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
    {"::ffff:0.0.0.0", ADDRESS_LOOPBACK},
    {"::ffff:10.1.2.3", ADDRESS_PRIVATE},
    {"::ffff:100.64.0.1", ADDRESS_PRIVATE},
    {"::ffff:169.254.169.254", ADDRESS_LINK_LOCAL},
    {"::ffff:8.8.8.8", ADDRESS_PUBLIC},
    {"::ffff:0:10.1.2.3", ADDRESS_PRIVATE},
    {"::ffff:0:8.8.8.8", ADDRESS_PUBLIC},
    {"::fffe:10.1.2.3", ADDRESS_PUBLIC},
    {"64:ff9b::192.168.1.1", ADDRESS_PRIVATE},
    {"64:ff9b::127.0.0.1", ADDRESS_LOOPBACK},
    {"64:ff9b::169.254.169.254", ADDRESS_LINK_LOCAL},
    {"64:ff9b::8.8.8.8", ADDRESS_PUBLIC},
    {"64:ff9b:1::8.8.8.8", ADDRESS_PRIVATE},
    {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", ADDRESS_PRIVATE},
    {"64:ff9b:2::", ADDRESS_PUBLIC},
    {"2002:7f00:1::", ADDRESS_LOOPBACK},
    {"2002:c0a8:101::1", ADDRESS_PRIVATE},
    {"2002:a9fe:a9fe::1", ADDRESS_LINK_LOCAL},
    {"2002:808:808::1", ADDRESS_PUBLIC},
    {"2001:db8::1", ADDRESS_PUBLIC},
    {"2a00:1450:4001::1", ADDRESS_PUBLIC},
    {"fbff:ffff::1", ADDRESS_PUBLIC},
    {"fc00::", ADDRESS_PRIVATE},
    {"fd12:3456::1", ADDRESS_PRIVATE},
    {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDRESS_PRIVATE},
    {"fe00::1", ADDRESS_PUBLIC},
    {"fe7f:ffff::1", ADDRESS_PUBLIC},
    {"fe80::1", ADDRESS_LINK_LOCAL},
    {"febf:ffff::1", ADDRESS_LINK_LOCAL},
    {"fec0::1", ADDRESS_PRIVATE},
    {"feff::1", ADDRESS_PRIVATE},
    {"ff02::1", ADDRESS_PUBLIC},
};

static void make(const char *text, struct sockaddr_storage *storage)
{
    void *untyped = storage;
    struct sockaddr_in *v4 = untyped;
    struct sockaddr_in6 *v6 = untyped;
    memset(storage, 0, sizeof *storage);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(4711);
        return;
    }
    assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(4711);
}

static void each_address_is_in_the_network_that_it_reaches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sockaddr_storage storage;
        make(rows[i].address, &storage);
        enum address_class class = address_classify((const struct sockaddr *)&storage);
        if (class != rows[i].class)
            fail_msg("%s: class %d, not %d", rows[i].address, (int)class, (int)rows[i].class);
    }
}

static void text_and_port_are_the_address_s_own(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.7", "2001:db8::7", "::ffff:10.0.0.1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sockaddr_storage storage;
        char text[ADDRESS_TEXT_BYTES];
        make(texts[i], &storage);
        assert_string_equal(address_format((const struct sockaddr *)&storage, text), texts[i]);
        assert_int_equal(address_port((const struct sockaddr *)&storage), 4711);
    }
}

static void what_is_no_internet_address_is_never_public(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/x"};
    char text[ADDRESS_TEXT_BYTES];
    assert_int_equal(address_classify((const struct sockaddr *)&address), ADDRESS_LINK_LOCAL);
    assert_int_equal(address_port((const struct sockaddr *)&address), 0);
    assert_string_equal(address_format((const struct sockaddr *)&address, text), "an address of family 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_is_in_the_network_that_it_reaches),
        cmocka_unit_test(text_and_port_are_the_address_s_own),
        cmocka_unit_test(what_is_no_internet_address_is_never_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
