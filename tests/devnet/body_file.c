#include "tests/devnet/body_file.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/memory.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct body_file {
    FILE *stream;
    char *path;
    int64_t size;
    bool kept;
    EVP_MD_CTX *hash;
};

struct body_file *body_file_create(const char *folder)
{
    struct body_file *file = memory_allocate(sizeof(*file));
    char name[UUID_TEXT_BYTES];

    random_uuid(name);
    file->path = memory_format("%s/incoming/%s", folder, name);
    file->stream = fopen(file->path, "we");
    file->hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(file->hash, EVP_sha256(), NULL);
    return file;
}

void body_file_free(struct body_file *file)
{
    if (!file)
        return;
    if (file->stream)
        fclose(file->stream);
    if (!file->kept)
        unlink(file->path);
    EVP_MD_CTX_free(file->hash);
    free(file->path);
    free(file);
}

bool body_file_write(struct body_file *file, const void *bytes, size_t length)
{
    if (!file->stream || fwrite(bytes, 1, length, file->stream) != length)
        return false;
    EVP_DigestUpdate(file->hash, bytes, length);
    file->size += (int64_t)length;
    return true;
}

void body_file_finish(struct body_file *file, char sha256[SHA256_TEXT_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (file->stream)
        fclose(file->stream);
    file->stream = NULL;
    EVP_DigestFinal_ex(file->hash, digest, &length);
    hex_encode(digest, length, sha256);
}

int64_t body_file_size(const struct body_file *file)
{
    return file->size;
}

const char *body_file_path(const struct body_file *file)
{
    return file->path;
}

bool body_file_keep_as(struct body_file *file, const char *path)
{
    file->kept = rename(file->path, path) == 0;
    return file->kept;
}
