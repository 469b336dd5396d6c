/* Folders that are watched, by libuv. */
#include "fiber/private.h"

#include "core/memory.h"

struct loop_folder {
    uv_fs_event_t handle; /* first */
    void (*changed)(void *arg);
    void *arg;
};

static void folder_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    (void)name, (void)events, (void)status;
    loop_folder *folder = (loop_folder *)(void *)handle;
    folder->changed(folder->arg);
}

static void folder_closed(uv_handle_t *handle)
{
    memory_free(handle);
}

loop_folder *loop_folder_open(loop *l, const char *path, void (*changed)(void *arg), void *arg)
{
    loop_folder *folder = memory_alloc(sizeof *folder);
    if (!folder)
        return NULL;
    *folder = (loop_folder){.changed = changed, .arg = arg};
    uv_fs_event_init(l->uv, &folder->handle);
    if (uv_fs_event_start(&folder->handle, folder_event, path, 0) == 0)
        return folder;
    loop_folder_close(folder);
    return NULL;
}

void loop_folder_close(loop_folder *folder)
{
    uv_close((uv_handle_t *)&folder->handle, folder_closed);
}
