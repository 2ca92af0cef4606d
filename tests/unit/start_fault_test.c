/* services/runnerd/shim/start_fault.h: what people are told instead of "No such file or directory". */
#include "services/runnerd/shim/start_fault.h"

#include "libcommon/base/memory.h"
#include "libcommon/loop/spawn.h"
#include "tests/unit/temporary_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[TEMPORARY_FOLDER_BYTES];

static int set_up(void **state)
{
    (void)state;
    temporary_folder_make(folder, "start-fault");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temporary_folder_remove(folder);
    return 0;
}

static char *make(const char *name, const void *content, size_t length, mode_t mode)
{
    char *path = memory_format("%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), (ssize_t)length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

/* Before anything is allocated. */
static void skip_under_valgrind(void)
{
    if (!getenv("POSEMESH_VALGRIND"))
        return;
    print_message("# reason: valgrind forks for posix_spawn, which then cannot say what failed\n");
    skip();
}

/* With a program header that names a loader, which is empty. */
static char *make_program_without_loader(const char *name)
{
    enum { BYTES = 4096, AT = 128 };
    char image[BYTES] = {0};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ElfW(Ehdr) header;
    assert_int_equal(read(fd, &header, sizeof header), sizeof header);
    close(fd);
    const ElfW(Phdr) segment = {.p_type = PT_INTERP, .p_offset = AT, .p_filesz = 2, .p_memsz = 2};
    header.e_phoff = sizeof header;
    header.e_phnum = 1;
    memcpy(image, &header, sizeof header);
    memcpy(image + sizeof header, &segment, sizeof segment);
    return make(name, image, sizeof image, 0755);
}

/* Starts it, as a shim does, and asks why that did not go. */
static void assert_fault(const char *program, const char *fault)
{
    pid_t pid;
    char told[320];
    char *arguments[] = {memory_copy_text(program), NULL};
    int code = spawn_start(&(struct spawn){.path = program,
                                           .search_path = true,
                                           .arguments = arguments,
                                           .variables = environ,
                                           .folder_fd = -1},
                           &pid);
    assert_int_not_equal(code, 0);
    start_fault_describe(program, getenv("PATH"), code, told, sizeof told);
    assert_string_equal(told, fault);
    free(arguments[0]);
}

static void assert_script_fault(const char *text, const char *fault)
{
    static int number;
    char name[32];
    snprintf(name, sizeof name, "script-%d", ++number);
    char *path = make(name, text, strlen(text), 0755);
    assert_fault(path, fault);
    free(path);
}

static void names_an_interpreter_that_is_missing(void **state)
{
    (void)state;
    skip_under_valgrind();
    assert_script_fault("#!/no/such/python3\n", "its interpreter /no/such/python3 is missing");
    assert_script_fault("#! \t/no/such/python3 -u\nx", "its interpreter /no/such/python3 is missing");
    assert_script_fault("#!/no/such/python3", "its interpreter /no/such/python3 is missing");
    assert_script_fault("#!/bin/sh\r\necho\r\n",
                        "its interpreter /bin/sh is missing: its first line ends with a carriage return");
    assert_script_fault("#!/etc/passwd\n", "its interpreter /etc/passwd is not executable for this user");
    assert_script_fault("#!/etc\n", "its interpreter /etc is a folder");
}

static void names_the_loader_that_a_program_needs(void **state)
{
    (void)state;
    skip_under_valgrind();
    enum { IMAGE_BYTES = 64 * 1024 * 1024 };
    char *image = malloc(IMAGE_BYTES);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, image, IMAGE_BYTES);
    close(fd);
    assert_true(length > 0 && length < IMAGE_BYTES);
    char *loader = memmem(image, (size_t)length, "/ld-linux", 9);
    if (!loader) {
        print_message("# reason: this machine's loader has another name\n");
        free(image);
        skip();
        return;
    }
    memcpy(loader, "/no-linux", 9);
    while (loader[-1])
        loader--;
    char *fault = memory_format("its interpreter %s is missing", loader);
    char *path = make("program", image, (size_t)length, 0755);
    assert_fault(path, fault);
    free(path);
    free(fault);
    free(image);
}

static void a_loader_without_a_name_is_no_path(void **state)
{
    (void)state;
    char told[320];
    char *path = make_program_without_loader("nameless");
    start_fault_describe(path, NULL, EACCES, told, sizeof told);
    assert_string_equal(told, "Permission denied");
    free(path);
}

static void tells_what_is_no_program_at_all(void **state)
{
    (void)state;
    skip_under_valgrind();
    char *plain = make("plain", "echo\n", 5, 0755);
    char *closed = make("closed", "#!/bin/sh\n", 10, 0644);
    assert_fault(folder, "it is a folder");
    assert_fault(plain, "it is no program of this machine, and no script that begins with #!");
    assert_fault(closed, "it is not executable for this user");
    assert_fault("/dev/null", "it is no regular file");
    assert_fault("/no/such/program", "No such file or directory");
    free(plain);
    free(closed);
}

static void looks_for_a_name_where_it_was_looked_for(void **state)
{
    (void)state;
    skip_under_valgrind();
    char *saved = memory_copy_text(getenv("PATH"));
    char *path = memory_format("/no/such:%s:/usr/bin:/bin", folder);
    setenv("PATH", path, 1);
    free(make("lacks", "#!/no/such/ruby\n", 16, 0755));
    free(make("closed-one", "#!/bin/sh\n", 10, 0644));
    assert_fault("lacks", "its interpreter /no/such/ruby is missing");
    assert_fault("closed-one", "it is not executable for this user");
    assert_fault("no-such-program", "No such file or directory");
    setenv("PATH", saved, 1);
    free(path);
    free(saved);
}

static void tells_of_a_file_system_without_programs(void **state)
{
    (void)state;
    skip_under_valgrind();
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0 ||
        mount("none", folder, "tmpfs", MS_NOEXEC, "") != 0) {
        print_message("# reason: mounting is not permitted here\n");
        skip();
        return;
    }
    char *path = make("script", "#!/bin/sh\n", 10, 0755);
    assert_fault(path, "it is on a file system that is mounted noexec");
    free(path);
    assert_int_equal(umount(folder), 0);
}

/* --- before a start --- */

static const char *look(const char *program, const char *search_path, uint64_t *identity)
{
    static struct start_look look;
    start_fault_look(program, search_path, &look);
    if (identity)
        *identity = look.identity;
    return look.fault ? look.text : NULL;
}

static void a_look_tells_what_a_start_would(void **state)
{
    (void)state;
    char *script = make("script", "#!/no/such/sh\n", 14, 0755);
    char *good = make("good", "#!/bin/sh\n", 10, 0755);
    char *foreign = make("foreign", "\177ELF and no more", 16, 0755);
    assert_string_equal(look("/no/such/program", NULL, NULL), "No such file or directory");
    assert_string_equal(look("/etc/passwd/x", NULL, NULL), "Not a directory");
    assert_string_equal(look(folder, NULL, NULL), "it is a folder");
    assert_string_equal(look(script, NULL, NULL), "its interpreter /no/such/sh is missing");
    assert_string_equal(look("no-such-program", "/usr/bin:/bin", NULL), "No such file or directory");
    assert_null(look(good, NULL, NULL));
    assert_null(look("sh", "/no/such:/bin", NULL));
    assert_null(look(foreign, NULL, NULL)); /* the kernel may know it */
    free(script);
    free(good);
    free(foreign);
}

/* posix_spawnp() goes on behind each of these. */
static void a_look_goes_on_to_the_next_folder_as_a_start_does(void **state)
{
    (void)state;
    skip_under_valgrind();
    static const char *const folders[] = {"a", "b", "c", "d"};
    uint64_t good;
    uint64_t found;
    pid_t pid;
    for (size_t i = 0; i < 4; i++) {
        char *path = memory_format("%s/%s", folder, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
        free(path);
    }
    char *path = memory_format("%s/a/tool", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    free(path);
    free(make("b/tool", "#!/no/such/ruby\n", 16, 0755));
    free(make("c/tool", "#!/bin/sh\n", 10, 0644));
    char *search_path = memory_format("%s/a:%s/b:%s/c", folder, folder, folder);
    assert_string_equal(look("tool", search_path, NULL), "it is a folder");
    free(search_path);
    char *tool = make("d/tool", "#!/bin/sh\n", 10, 0755);
    assert_null(look(tool, NULL, &good));
    search_path = memory_format("%s/a:%s/b:%s/c:%s/d:/bin", folder, folder, folder, folder);
    assert_null(look("tool", search_path, &found));
    assert_true(found == good);
    char *saved = memory_copy_text(getenv("PATH"));
    setenv("PATH", search_path, 1);
    assert_int_equal(spawn_start(&(struct spawn){.path = "tool",
                                                 .search_path = true,
                                                 .arguments = (char *[]){tool, NULL},
                                                 .variables = environ,
                                                 .folder_fd = -1},
                                 &pid),
                     0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    setenv("PATH", saved, 1);
    free(saved);
    free(search_path);
    free(tool);
}

static void a_look_leaves_to_the_start_what_depends_on_its_folder(void **state)
{
    (void)state;
    uint64_t identity = 1;
    assert_null(look("bin/no-such-program", NULL, &identity));
    assert_int_equal(identity, 0);
    assert_null(look("no-such-program", "/usr/bin:bin", NULL));
    assert_null(look("no-such-program", "/usr/bin:", NULL));
    assert_null(look("no-such-program", "", NULL));
    char *path = make("script", "#!bin/interpreter\n", 18, 0755);
    assert_null(look(path, NULL, &identity));
    assert_int_equal(identity, 0);
    free(path);
}

static void a_program_that_changes_has_another_identity(void **state)
{
    (void)state;
    char *path = make("it", "#!/bin/sh\n", 10, 0644);
    char *other = make("other", "#!/bin/sh\n", 10, 0644);
    uint64_t seen[5] = {0};
    assert_string_equal(look(path, NULL, &seen[0]), "it is not executable for this user");
    look(path, NULL, &seen[1]);
    assert_true(seen[0] == seen[1] && seen[0] != 0);
    assert_int_equal(chmod(path, 0755), 0);
    assert_null(look(path, NULL, &seen[1]));
    assert_int_equal(truncate(path, 9), 0);
    look(path, NULL, &seen[2]);
    assert_int_equal(rename(other, path), 0);
    look(path, NULL, &seen[3]);
    assert_int_equal(unlink(path), 0);
    assert_non_null(look(path, NULL, &seen[4]));
    for (size_t i = 0; i < 5; i++)
        for (size_t other_one = 0; other_one < i; other_one++)
            assert_true(seen[i] != seen[other_one]);
    assert_int_equal(seen[4], 0);
    free(path);
    free(other);
}

static void a_list_of_files_is_another_when_one_comes_goes_or_changes(void **state)
{
    (void)state;
    uint64_t seen[5];
    char *path = make("it", "x", 1, 0644);
    char *gone = memory_format("%s/gone", folder);
    seen[0] = start_fault_identity(0, path);
    seen[1] = start_fault_identity(seen[0], path);
    seen[2] = start_fault_identity(seen[0], gone);
    seen[3] = start_fault_identity(0, gone);
    assert_true(start_fault_identity(0, path) == seen[0]);
    assert_int_equal(truncate(path, 0), 0);
    seen[4] = start_fault_identity(0, path);
    for (size_t i = 0; i < 5; i++)
        for (size_t other = 0; other < i; other++)
            assert_true(seen[i] != seen[other] && seen[i] != 0);
    free(path);
    free(gone);
}

static void what_leaves_no_trace_in_a_file_passes(void **state)
{
    (void)state;
    static const int passing[] = {0,        EAGAIN, ENOMEM,    EMFILE,     ENFILE,       EINTR,     EIO,
                                  ENOSPC,   E2BIG,  ETXTBSY,   ESTALE,     ENOTCONN,     ETIMEDOUT, EHOSTDOWN,
                                  ENETDOWN, ENODEV, EREMOTEIO, ECONNRESET, ECONNREFUSED, ENXIO,     EBUSY};
    static const int lasting[] = {ENOENT, EACCES, EPERM,  ENOEXEC,      ENOTDIR,
                                  ELOOP,  EISDIR, EINVAL, ENAMETOOLONG, ELIBBAD};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        assert_false(start_fault_lasts(passing[i]));
    for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++)
        assert_true(start_fault_lasts(lasting[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_an_interpreter_that_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_the_loader_that_a_program_needs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_what_is_no_program_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(looks_for_a_name_where_it_was_looked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_of_a_file_system_without_programs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_look_tells_what_a_start_would, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_look_leaves_to_the_start_what_depends_on_its_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_program_that_changes_has_another_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_loader_without_a_name_is_no_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_look_goes_on_to_the_next_folder_as_a_start_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_of_files_is_another_when_one_comes_goes_or_changes, set_up,
                                        tear_down),
        cmocka_unit_test(what_leaves_no_trace_in_a_file_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
