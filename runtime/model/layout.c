/* Whether a table covers its struct: no overlap, no hole that a forgotten row would leave. */
#include "model/plan.h"

static const struct {
    size_t size, align, opt_size, opt_align, opt_value;
} layouts[] = {
#define LAYOUT(T, opt) {sizeof(T), _Alignof(T), sizeof(opt), _Alignof(opt), offsetof(opt, value)}
    [APUS_KIND_INT] = LAYOUT(int64_t, apus_opt_int),
    [APUS_KIND_DOUBLE] = LAYOUT(double, apus_opt_double),
    [APUS_KIND_BOOL] = LAYOUT(bool, apus_opt_bool),
    [APUS_KIND_STR] = LAYOUT(apus_str, apus_opt_str),
    [APUS_KIND_UUID] = LAYOUT(apus_uuid, apus_opt_uuid),
    [APUS_KIND_DATETIME] = LAYOUT(apus_datetime, apus_opt_datetime),
    [APUS_KIND_ENUM] = LAYOUT(int, apus_opt_enum),
#undef LAYOUT
    [APUS_KIND_JSON] = {sizeof(apus_json), _Alignof(apus_json), 0, 0, 0},
    [APUS_KIND_LIST] = {sizeof(any_list), _Alignof(any_list), 0, 0, 0},
    [APUS_KIND_DICT] = {sizeof(any_list), _Alignof(any_list), 0, 0, 0},
};

size_t kind_size(apus_kind kind, apus_shape shape)
{
    if (shape == APUS_POINTER)
        return sizeof(void *);
    return shape == APUS_OPTIONAL ? layouts[kind].opt_size : layouts[kind].size;
}

size_t kind_align(apus_kind kind, apus_shape shape)
{
    if (shape == APUS_POINTER)
        return _Alignof(void *);
    return shape == APUS_OPTIONAL ? layouts[kind].opt_align : layouts[kind].align;
}

size_t opt_value_offset(apus_kind kind)
{
    return layouts[kind].opt_value;
}

/* A dependency's result is known to route only: as if of the strictest alignment. */
static size_t align_of(const apus_field *f)
{
    if (f->shape == APUS_POINTER)
        return _Alignof(void *);
    if (f->kind == APUS_KIND_DEPENDS)
        return 16;
    return f->kind == APUS_KIND_OBJECT ? f->model()->align : kind_align(f->kind, f->shape);
}

static bool check_size(compiler *c, const apus_field *f)
{
    if (f->kind == APUS_KIND_DEPENDS && f->shape == APUS_PLAIN)
        return true;
    bool object = f->kind == APUS_KIND_OBJECT && f->shape == APUS_PLAIN;
    if (f->size != (object ? f->model()->size : kind_size(f->kind, f->shape)))
        return complain(c, "the member's size is not that of %s: rows and struct disagree", kind_name(f->kind));
    if (f->kind == APUS_KIND_LIST && f->element_size != f->model()->size)
        return complain(c, "its elements are not of the size of model %s", f->model()->name);
    if (f->kind == APUS_KIND_DICT && (f->key_model()->size > f->value_offset ||
                                      f->value_offset + f->model()->size > f->element_size))
        return complain(c, "its pairs are not of a key of %s and a value of %s", f->key_model()->name, f->model()->name);
    return true;
}

/* Rows by offset; insertion, since most tables are in order already. */
static size_t sort_rows(const apus_model *model, const apus_field **sorted)
{
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++) {
        const apus_field *f = &model->fields[i];
        if (f->kind == APUS_KIND_SCHEMA)
            continue;
        size_t at = count++;
        for (; at && sorted[at - 1]->offset > f->offset; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = f;
    }
    return count;
}

static size_t round_up(size_t n, size_t align)
{
    return (n + align - 1) / align * align;
}

bool check_layout(compiler *c, const apus_model *model)
{
    const apus_field **sorted = keep_zeroed(c, (model->count + 1) * sizeof(void *));
    if (!sorted)
        return complain(c, "no memory");
    size_t count = sort_rows(model, sorted), end = 0;
    for (size_t i = 0; i < count; i++) {
        const apus_field *f = c->field = sorted[i];
        if (!check_size(c, f))
            return false;
        if (f->offset < end)
            return complain(c, "it lies over %s in the struct", sorted[i - 1]->name);
        if (f->offset > round_up(end, align_of(f)))
            return complain(c, "the struct has a member before it that has no row");
        end = f->offset + f->size;
    }
    c->field = NULL;
    if (count && round_up(end, model->align) != model->size)
        return complain(c, "the struct has a member behind %s that has no row", sorted[count - 1]->name);
    return true;
}
