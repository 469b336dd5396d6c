/* Stacks and the switch between them: Boost.Context's two entry points, and what the sanitizers and valgrind must be told. */
#include "fiber/private.h"

#include "core/limits.h"
#include "fiber/sanitizers.h"

#include <sys/mman.h>
#include <unistd.h>

#if WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) ((void)(start), (void)(end), 0u)
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

/* The sanitizers' frames are several times as large. */
#define STACK_SIZE ((size_t)LIMIT_FIBER_STACK * (WITH_ASAN || WITH_TSAN ? 4 : 1))

/* Boost.Context 1.74, libboost_context.a: the C ABI of boost/context/detail/fcontext.hpp, the same on amd64 and arm64. */
typedef struct transfer {
    void *context;
    void *data;
} transfer;
transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *top, size_t size, void (*entry)(transfer from));

static size_t page_size(void)
{
    static size_t size;
    if (!size)
        size = (size_t)sysconf(_SC_PAGESIZE);
    return size;
}

static char *stack_bottom(const fiber *f)
{
    return f->memory + page_size();
}

/* The record is at the stack's top: this much lies below it. */
static size_t stack_size(const fiber *f)
{
    return (size_t)((const char *)f - stack_bottom(f));
}

static void tools_register(fiber *f)
{
    f->valgrind_id = VALGRIND_STACK_REGISTER(stack_bottom(f), (char *)f);
#if WITH_TSAN
    f->tsan = __tsan_create_fiber(0);
#endif
}

static void tools_deregister(fiber *f)
{
    VALGRIND_STACK_DEREGISTER(f->valgrind_id);
#if WITH_TSAN
    __tsan_destroy_fiber(f->tsan);
#endif
}

/* Frames that never returned have left their marks on the stack that is to be used again. */
static void tools_forget_frames(fiber *f)
{
#if WITH_ASAN
    ASAN_UNPOISON_MEMORY_REGION(stack_bottom(f), stack_size(f));
#endif
#if WITH_TSAN
    if (f->abandoned) {
        __tsan_destroy_fiber(f->tsan);
        f->tsan = __tsan_create_fiber(0);
    }
#endif
    (void)f;
}

static void tools_begin_switch(void **keep, const void *bottom, size_t size)
{
#if WITH_ASAN
    __sanitizer_start_switch_fiber(keep, bottom, size);
#endif
    (void)keep, (void)bottom, (void)size;
}

static void tools_end_switch(void *kept, const void **bottom, size_t *size)
{
#if WITH_ASAN
    __sanitizer_finish_switch_fiber(kept, bottom, size);
#endif
    (void)kept, (void)bottom, (void)size;
}

static fiber *stack_map(void)
{
    size_t size = page_size() + STACK_SIZE;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (mprotect(memory, page_size(), PROT_NONE) < 0) {
        munmap(memory, size);
        return NULL;
    }
    uintptr_t top = ((uintptr_t)memory + size - sizeof(fiber)) & ~(uintptr_t)63;
    fiber *f = (fiber *)top;
    *f = (fiber){.memory = memory};
    tools_register(f);
    atomic_fetch_add_explicit(&fiber_counts.stacks, 1, memory_order_relaxed);
    return f;
}

static void stack_unmap(fiber *f)
{
    tools_deregister(f);
    munmap(f->memory, page_size() + STACK_SIZE);
    atomic_fetch_sub_explicit(&fiber_counts.stacks, 1, memory_order_relaxed);
}

fiber *stack_take(stack_pool *pool)
{
    fiber *f = pool->idle;
    if (!f)
        return stack_map();
    pool->idle = f->next;
    if (--pool->count < pool->least)
        pool->least = pool->count;
    return f;
}

void stack_give(stack_pool *pool, fiber *f)
{
    tools_forget_frames(f);
    f->next = pool->idle;
    pool->idle = f;
    pool->count++;
}

void stack_trim(stack_pool *pool)
{
    for (size_t spare = pool->least; spare && pool->count > LIMIT_FIBERS_POOLED; spare--) {
        fiber *f = pool->idle;
        pool->idle = f->next;
        pool->count--;
        stack_unmap(f);
    }
    pool->least = pool->count;
}

void stack_pool_clear(stack_pool *pool)
{
    while (pool->idle) {
        fiber *f = pool->idle;
        pool->idle = f->next;
        stack_unmap(f);
    }
    *pool = (stack_pool){0};
}

static void arrive(fiber *f, transfer from)
{
    tools_end_switch(f->asan_stack, &f->asan_caller, &f->asan_caller_size);
    f->caller = from.context;
}

/* The first frame of every stack. */
static void first_frame(transfer from)
{
    fiber *f = from.data;
    f->asan_stack = NULL;
    arrive(f, from);
    f->entry(f);
    __builtin_unreachable();
}

void stack_prepare(fiber *f, void (*entry)(fiber *f))
{
    f->entry = entry;
    f->context = make_fcontext(f, stack_size(f), first_frame);
}

void stack_enter(fiber *f)
{
    void *kept = NULL;
    tools_begin_switch(&kept, stack_bottom(f), stack_size(f));
#if WITH_TSAN
    f->tsan_caller = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f->tsan, 0);
#endif
    transfer back = jump_fcontext(f->context, f);
    tools_end_switch(kept, NULL, NULL);
    f->context = back.context;
}

void stack_leave(fiber *f)
{
    /* Without a place to keep it, ASan frees what it has of a stack that is left for good. */
    tools_begin_switch(f->ended ? NULL : &f->asan_stack, f->asan_caller, f->asan_caller_size);
#if WITH_TSAN
    __tsan_switch_to_fiber(f->tsan_caller, 0);
#endif
    arrive(f, jump_fcontext(f->caller, f));
}
