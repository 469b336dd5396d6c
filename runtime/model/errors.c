/* Refusals: collected in order, each with its loc written when it happened, and written as FastAPI writes them. */
#include "model/plan.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/limits.h"

const refusal refusals[] = {
#define XX(name, error, text) [REFUSED_##name] = {error, {text, sizeof text - 1}, {NULL, 0}},
    REFUSAL_MAP(XX)
#undef XX
};

#define LOC_STEPS (2 * LIMIT_MODEL_DEPTH + 16)
#define ERROR_TEXT_CEILING ((size_t)1 << 20)

void model_reader_init(model_reader *r, arena *memory, size_t max_depth)
{
    *r = (model_reader){.arena = memory, .errors = {.arena = memory}};
    r->max_depth = max_depth < LIMIT_MODEL_DEPTH ? max_depth : LIMIT_MODEL_DEPTH;
}

void *read_alloc(model_reader *r, size_t count, size_t size)
{
    size_t bytes;
    void *memory = __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(r->arena, bytes ? bytes : 1);
    if (!memory)
        r->out_of_memory = true;
    return memory;
}

static void write_loc(buffer *b, const model_loc *loc)
{
    const model_loc *steps[LOC_STEPS];
    size_t count = 0;
    for (; loc && count < LOC_STEPS; loc = loc->parent)
        steps[count++] = loc;
    buffer_append_char(b, '[');
    for (size_t i = count; i-- > 0;) {
        if (steps[i]->name.ptr)
            json_write_str(b, steps[i]->name);
        else
            json_write_int(b, steps[i]->index);
        if (i)
            buffer_append_char(b, ',');
    }
    buffer_append_char(b, ']');
}

void model_add_error(model_reader *r, const model_loc *loc, const char *type, apus_str msg, model_input input, apus_str ctx)
{
    if (r->errors.count >= LIMIT_VALIDATION_ERRORS)
        return;
    model_error *e = read_alloc(r, 1, sizeof *e);
    if (!e)
        return;
    buffer b;
    buffer_init(&b, r->arena, 64, ERROR_TEXT_CEILING);
    write_loc(&b, loc);
    if (b.failed) {
        r->out_of_memory = true;
        return;
    }
    *e = (model_error){.type = type, .msg = msg, .loc = buffer_str(&b), .input = input, .ctx = ctx};
    if (!r->errors.first)
        r->errors.first = e;
    else
        *r->errors.last = e;
    r->errors.last = &e->next;
    r->errors.count++;
}

void model_add_missing(model_reader *r, const model_loc *loc, model_input input)
{
    refuse(r, loc, REFUSED(MISSING), input);
}

bool refuse(model_reader *r, const model_loc *loc, const refusal *why, model_input input)
{
    model_add_error(r, loc, why->type, why->msg, input, why->ctx);
    return false;
}

__attribute__((format(printf, 2, 0))) static apus_str in_arena(model_reader *r, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = read_alloc(r, (size_t)len + 1, 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (apus_str){text, text ? (size_t)len : 0};
}

const refusal *refuse_with(model_reader *r, enum refusal_id id, apus_str reason)
{
    refusal *why = read_alloc(r, 1, sizeof *why);
    if (!reason.ptr || !why)
        return &refusals[id];
    *why = refusals[id];
    buffer msg, ctx;
    buffer_init(&msg, r->arena, why->msg.len + reason.len + 2, ERROR_TEXT_CEILING);
    buffer_append_str(&msg, why->msg);
    buffer_append(&msg, ", ", 2);
    buffer_append_str(&msg, reason);
    buffer_init(&ctx, r->arena, reason.len + 16, ERROR_TEXT_CEILING);
    buffer_append_str(&ctx, APUS_STR("{\"error\":"));
    json_write_str(&ctx, reason);
    buffer_append_char(&ctx, '}');
    if (msg.failed || ctx.failed)
        r->out_of_memory = true;
    else
        *why = (refusal){why->type, buffer_str(&msg), buffer_str(&ctx)};
    return why;
}

const refusal *refuse_because(model_reader *r, enum refusal_id id, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    apus_str reason = in_arena(r, format, args);
    va_end(args);
    return refuse_with(r, id, reason);
}

static void write_texts(buffer *b, const apus_str *texts, size_t count)
{
    buffer_append_char(b, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_append_char(b, ',');
        json_write_str(b, texts[i]);
    }
    buffer_append_char(b, ']');
}

static void write_input(buffer *b, const model_input *input)
{
    switch (input->is) {
    case INPUT_TEXT:
        json_write_str(b, input->text);
        return;
    case INPUT_RAW:
        buffer_append_str(b, input->text);
        return;
    case INPUT_JSON:
        json_write_value(b, input->json, JSON_PYTHON);
        return;
    case INPUT_TEXTS:
        write_texts(b, input->texts, input->count);
        return;
    case INPUT_NULL:
        break;
    }
    json_write_null(b);
}

void model_write_errors(buffer *b, const model_errors *errors)
{
    buffer_append_char(b, '[');
    for (const model_error *e = errors->first; e; e = e->next) {
        buffer_append_str(b, APUS_STR("{\"type\":"));
        json_write_str(b, apus_cstr(e->type));
        buffer_append_str(b, APUS_STR(",\"loc\":"));
        buffer_append_str(b, e->loc);
        buffer_append_str(b, APUS_STR(",\"msg\":"));
        json_write_str(b, e->msg);
        buffer_append_str(b, APUS_STR(",\"input\":"));
        write_input(b, &e->input);
        if (e->ctx.len) {
            buffer_append_str(b, APUS_STR(",\"ctx\":"));
            buffer_append_str(b, e->ctx);
        }
        buffer_append_char(b, '}');
        if (e->next)
            buffer_append_char(b, ',');
    }
    buffer_append_char(b, ']');
}
