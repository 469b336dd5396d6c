#include "pg/migration_folder.h"

#include "core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MOST ((size_t)16 * 1024 * 1024)
#define FILES_MOST 10000

static bool refuse(char *error, size_t size, const char *path, const char *name, const char *words)
{
    snprintf(error, size, "%s%s%s: %s", path, *name ? "/" : "", name, words);
    return false;
}

static bool write_digest(migration *m, size_t length)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!EVP_Digest(m->text, length, digest, &size, EVP_sha256(), NULL))
        return false;
    for (unsigned i = 0; i < size; i++)
        snprintf(m->checksum + i * 2, 3, "%02x", digest[i]);
    return true;
}

static char *read_file(const char *path, size_t *length, const char **words)
{
    char *text = NULL;
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size < 0 || (size_t)size > FILE_MOST)
        *words = size < 0 ? strerror(errno) : "the file is larger than 16 MiB";
    else if (!(text = memory_alloc((size_t)size + 1)))
        *words = "no memory for the file";
    else
        rewind(file);
    if (text) {
        *length = fread(text, 1, (size_t)size, file);
        text[*length] = '\0';
    }
    if (file)
        fclose(file);
    return text;
}

static bool load(migration *m, const char *path, char *error, size_t error_size)
{
    char full[4096], words[256];
    const char *failed = NULL;
    size_t length = 0;
    snprintf(full, sizeof full, "%s/%s", path, m->name);
    m->text = read_file(full, &length, &failed);
    m->version = migration_version(m->name);
    if (!m->text)
        return refuse(error, error_size, path, m->name, failed);
    if (!write_digest(m, length))
        return refuse(error, error_size, path, m->name, "no checksum can be made");
    if (memchr(m->text, '\0', length))
        return refuse(error, error_size, path, m->name, "the file holds a NUL byte");
    if (migration_parse((apus_str){m->text, length}, &m->parts, words, sizeof words))
        return true;
    snprintf(error, error_size, "%s:%s", full, words);
    return false;
}

static bool add(migration_folder *folder, const char *name)
{
    if (folder->count % 32 == 0) {
        migration *more = memory_resize(folder->files, (folder->count + 32) * sizeof *more);
        if (!more)
            return false;
        folder->files = more;
    }
    migration *m = &folder->files[folder->count];
    *m = (migration){.name = memory_alloc(strlen(name) + 1)};
    if (!m->name)
        return false;
    memcpy(m->name, name, strlen(name) + 1);
    folder->count++;
    return true;
}

static int by_version(const void *a, const void *b)
{
    const migration *x = a, *y = b;
    return migration_compare_versions(migration_version(x->name), migration_version(y->name));
}

static bool list_names(migration_folder *folder, const char *path, char *error, size_t error_size)
{
    DIR *dir = opendir(path);
    bool listed = dir || refuse(error, error_size, path, "", strerror(errno));
    for (struct dirent *entry; dir && listed && (entry = readdir(dir));) {
        if (!migration_version(entry->d_name).len)
            continue;
        listed = folder->count < FILES_MOST && add(folder, entry->d_name);
        if (!listed)
            refuse(error, error_size, path, "", "too many migrations, or no memory for them");
    }
    if (dir)
        closedir(dir);
    return listed;
}

bool migration_folder_read(migration_folder *folder, const char *path, char *error, size_t error_size)
{
    *folder = (migration_folder){0};
    bool fine = list_names(folder, path, error, error_size);
    if (folder->count)
        qsort(folder->files, folder->count, sizeof *folder->files, by_version);
    for (size_t i = 0; i < folder->count && fine; i++) {
        fine = load(&folder->files[i], path, error, error_size);
        if (fine && i && by_version(&folder->files[i - 1], &folder->files[i]) == 0) {
            snprintf(error, error_size, "%s/%s and %s have the same version", path, folder->files[i - 1].name,
                     folder->files[i].name);
            fine = false;
        }
    }
    if (!fine)
        migration_folder_free(folder);
    return fine;
}

void migration_folder_free(migration_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        memory_free(folder->files[i].name);
        memory_free(folder->files[i].text);
    }
    memory_free(folder->files);
    *folder = (migration_folder){0};
}
