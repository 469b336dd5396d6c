/*
 * Events only say that it is time to look: then the files are listed anew and compared. So it does not matter how an editor
 * saves, and nothing is lost when a folder comes, goes, or is renamed.
 */
#include "ops/dev_watch.h"

#include "core/limits.h"
#include "core/log.h"
#include "core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define QUIET_NANOSECONDS 25000000u    /* without an event, before it looks */
#define LONGEST_NANOSECONDS 250000000u /* after the first event it looks anyhow */
#define DEEPEST 32

typedef struct entry {
    const char *path;
    ino_t inode;
    off_t size;
    int64_t modified; /* nanoseconds since 1970 */
    bool folder, dirty; /* dirty: changed since dev_watch_touch */
    loop_folder *watch;
} entry;

typedef struct listing {
    arena memory; /* of the paths */
    entry *entries;
    size_t count, capacity;
} listing;

struct dev_watch {
    loop *loop;
    const char *roots;
    listing files;
    loop_timer timer;
    uint64_t first; /* event since the last look */
    void (*changed)(void *arg, const dev_change *change);
    void *arg;
    bool complained;
};

/* ---- listing */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static bool is_source(const char *name)
{
    static const char *const endings[] = {".c", ".h", ".sql", ".mk"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_with(name, endings[i]))
            return *name != '.';
    return strcmp(name, "Makefile") == 0;
}

static bool is_left_out(const char *folder)
{
    return *folder == '.' || strcmp(folder, "build") == 0 || strcmp(folder, "node_modules") == 0;
}

static void list_add(listing *l, const char *path, const struct stat *of)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 256;
        entry *grown = capacity <= 2 * LIMIT_DEV_FILES ? memory_resize(l->entries, capacity * sizeof *grown) : NULL;
        if (!grown)
            return;
        l->entries = grown;
        l->capacity = capacity;
    }
    size_t length = strlen(path) + 1;
    char *copy = arena_alloc(&l->memory, length);
    if (!copy)
        return;
    memcpy(copy, path, length);
    l->entries[l->count++] = (entry){.path = copy,
                                     .inode = of->st_ino,
                                     .size = of->st_size,
                                     .modified = (int64_t)of->st_mtim.tv_sec * 1000000000 + of->st_mtim.tv_nsec,
                                     .folder = S_ISDIR(of->st_mode)};
}

static void list_folder(listing *l, const char *path, int depth);

/* A link to a file counts as the file; a link to a folder is not followed. */
static void list_member(listing *l, const char *folder, const char *name, int depth)
{
    char path[PATH_MAX];
    struct stat of;
    const char *before = strcmp(folder, ".") == 0 ? "" : folder;
    if (snprintf(path, sizeof path, "%s%s%s", before, *before ? "/" : "", name) >= (int)sizeof path || lstat(path, &of) < 0)
        return;
    if (S_ISDIR(of.st_mode)) {
        if (!is_left_out(name) && depth < DEEPEST)
            list_folder(l, path, depth + 1);
    } else if (is_source(name) && stat(path, &of) == 0 && S_ISREG(of.st_mode)) {
        list_add(l, path, &of);
    }
}

static void list_folder(listing *l, const char *path, int depth)
{
    struct stat of;
    DIR *folder = opendir(path);
    if (!folder)
        return;
    if (fstat(dirfd(folder), &of) == 0)
        list_add(l, path, &of);
    for (struct dirent *member; (member = readdir(folder));)
        if (strcmp(member->d_name, ".") != 0 && strcmp(member->d_name, "..") != 0)
            list_member(l, path, member->d_name, depth);
    closedir(folder);
}

/* A single file is seen through its folder, since a rename would take the file away from its watch. */
static void list_root(listing *l, char *path)
{
    struct stat of;
    char *slash = strrchr(path, '/');
    if (stat(path, &of) == 0 && S_ISDIR(of.st_mode)) {
        list_folder(l, path, 0);
        return;
    }
    if (stat(path, &of) == 0)
        list_add(l, path, &of);
    if (slash)
        *slash = '\0';
    const char *folder = slash ? path : ".";
    if (stat(folder, &of) == 0 && S_ISDIR(of.st_mode))
        list_add(l, folder, &of);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->path, ((const entry *)b)->path);
}

static void list_sort(listing *l)
{
    size_t kept = 0;
    if (l->count)
        qsort(l->entries, l->count, sizeof *l->entries, by_path);
    for (size_t i = 0; i < l->count; i++)
        if (kept == 0 || strcmp(l->entries[kept - 1].path, l->entries[i].path) != 0)
            l->entries[kept++] = l->entries[i];
    l->count = kept;
}

static void list_all(listing *l, const char *roots)
{
    *l = (listing){.count = 0};
    arena_init(&l->memory, NULL, LIMIT_DEV_MEMORY);
    for (const char *at = roots; *at; at += strcspn(at, ",")) {
        char path[PATH_MAX];
        at += strspn(at, ", ");
        size_t n = strcspn(at, ",");
        while (n > 1 && (at[n - 1] == '/' || at[n - 1] == ' '))
            n--;
        if (n && n < sizeof path) {
            snprintf(path, sizeof path, "%.*s", (int)n, at);
            list_root(l, path);
        }
    }
    list_sort(l);
}

static void list_free(listing *l)
{
    memory_free(l->entries);
    arena_reset(&l->memory);
}

/* ---- comparing */

static void look_soon(void *arg);

static void watch_folder(dev_watch *w, entry *e)
{
    e->watch = loop_folder_open(w->loop, e->path, look_soon, w);
    if (!e->watch && !w->complained) {
        w->complained = true;
        log_printf(LOG_WARNING, "dev: cannot watch %s: %s (fs.inotify.max_user_watches?)", e->path, strerror(errno));
    }
}

static void unwatch_folder(entry *e)
{
    if (e->watch)
        loop_folder_close(e->watch);
    e->watch = NULL;
}

static void note(dev_change *change, const char *path)
{
    if (!change->count++)
        change->path = path;
    change->migration |= ends_with(path, ".sql");
}

/* What stayed: a folder keeps its watch, unless it is another one by the same name. */
static bool compare_same(dev_watch *w, entry *was, entry *is, dev_change *change)
{
    is->dirty = was->dirty;
    if (is->folder && was->folder && is->inode == was->inode && was->watch) {
        is->watch = was->watch;
        was->watch = NULL;
        return false;
    }
    unwatch_folder(was);
    if (is->folder) {
        watch_folder(w, is);
        return is->watch != NULL;
    }
    if (was->folder || was->inode != is->inode || was->size != is->size || was->modified != is->modified) {
        is->dirty = true;
        note(change, is->path);
    }
    return false;
}

static bool compare_new(dev_watch *w, entry *is, dev_change *change)
{
    if (is->folder) {
        watch_folder(w, is);
        return is->watch != NULL;
    }
    is->dirty = true;
    note(change, is->path);
    return false;
}

static void compare_gone(entry *was, dev_change *change)
{
    if (was->folder)
        unwatch_folder(was);
    else
        note(change, was->path);
}

/* Both lists are in order. true when there are folders that were not watched before: something may have come into them meanwhile. */
static bool compare(dev_watch *w, listing *old, listing *new, dev_change *change)
{
    bool grown = false;
    size_t i = 0, j = 0;
    while (i < old->count || j < new->count) {
        int order = i == old->count ? 1 : j == new->count ? -1 : strcmp(old->entries[i].path, new->entries[j].path);
        if (order < 0)
            compare_gone(&old->entries[i++], change);
        else if (order > 0)
            grown |= compare_new(w, &new->entries[j++], change);
        else
            grown |= compare_same(w, &old->entries[i++], &new->entries[j++], change);
    }
    return grown;
}

static void look(loop_timer *timer)
{
    dev_watch *w = (dev_watch *)(void *)((char *)timer - offsetof(dev_watch, timer));
    listing old = w->files;
    dev_change change = {.at = w->first};
    w->first = 0;
    list_all(&w->files, w->roots);
    if (compare(w, &old, &w->files, &change))
        look_soon(w);
    if (change.count)
        w->changed(w->arg, &change);
    list_free(&old);
}

static void look_soon(void *arg)
{
    dev_watch *w = arg;
    uint64_t now = clock_monotonic();
    if (!w->first)
        w->first = now;
    uint64_t quiet = now + QUIET_NANOSECONDS, latest = w->first + LONGEST_NANOSECONDS;
    loop_timer_start(w->loop, &w->timer, quiet < latest ? quiet : latest, look);
}

/* ---- life */

dev_watch *dev_watch_open(loop *l, const char *roots, void (*changed)(void *arg, const dev_change *change), void *arg)
{
    dev_watch *w = memory_alloc(sizeof *w);
    listing none = {.count = 0};
    dev_change unused = {.count = 0};
    if (!w)
        return NULL;
    *w = (dev_watch){.loop = l, .roots = roots, .changed = changed, .arg = arg};
    list_all(&w->files, roots);
    if (compare(w, &none, &w->files, &unused))
        look_soon(w);
    for (size_t i = 0; i < w->files.count; i++)
        w->files.entries[i].dirty = false;
    return w;
}

void dev_watch_close(dev_watch *w)
{
    loop_timer_stop(w->loop, &w->timer);
    for (size_t i = 0; i < w->files.count; i++)
        unwatch_folder(&w->files.entries[i]);
    list_free(&w->files);
    memory_free(w);
}

size_t dev_watch_count(const dev_watch *w)
{
    size_t count = 0;
    for (size_t i = 0; i < w->files.count; i++)
        count += !w->files.entries[i].folder;
    return count;
}

void dev_watch_touch(dev_watch *w, int64_t since)
{
    for (size_t i = 0; i < w->files.count; i++) {
        entry *e = &w->files.entries[i];
        struct stat of;
        if (e->dirty && e->modified <= since && utimensat(AT_FDCWD, e->path, NULL, 0) == 0 && stat(e->path, &of) == 0)
            e->modified = (int64_t)of.st_mtim.tv_sec * 1000000000 + of.st_mtim.tv_nsec;
        e->dirty = false;
    }
}
