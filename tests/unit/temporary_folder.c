#include "tests/unit/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void temporary_folder_make(char path[TEMPORARY_FOLDER_BYTES], const char *subject)
{
    assert_in_range(snprintf(path, TEMPORARY_FOLDER_BYTES, "/tmp/posemesh-%s-XXXXXX", subject), 1,
                    TEMPORARY_FOLDER_BYTES - 1);
    assert_non_null(mkdtemp(path));
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void temporary_folder_remove(const char *path)
{
    enum { OPEN_AT_ONCE = 16 };
    assert_int_equal(nftw(path, remove_entry, OPEN_AT_ONCE, FTW_DEPTH | FTW_PHYS), 0);
}
