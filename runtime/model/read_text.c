/* Texts into members: path, query, header, cookie and form. */
#include "model/plan.h"

static model_input text_input(apus_str text)
{
    if (!text.ptr)
        text.ptr = "";
    return (model_input){.is = INPUT_TEXT, .text = text};
}

static model_input texts_input(const apus_str *texts, size_t count)
{
    return (model_input){.is = INPUT_TEXTS, .texts = texts, .count = count};
}

/* A model that is a list, a dict or a single value takes a text, or refuses it, as its root does. */
static bool read_text(model_reader *r, const field_plan *p, apus_str text, void *object, const model_loc *loc)
{
    if (p->kind == APUS_KIND_OBJECT && p->nested->root) {
        void *place = place_of_object(r, p, object);
        return place && read_text(r, p->nested->root, text, place, loc);
    }
    const refusal *why = scalar_from_text(r, p, text, member_of(object, p->value_at));
    if (why)
        return refuse(r, loc, why, text_input(text));
    store_present(p, object);
    return true;
}

static bool read_element(model_reader *r, const struct model_compiled *m, apus_str text, void *out, const model_loc *loc)
{
    return m->root ? read_text(r, m->root, text, out, loc) : refuse(r, loc, REFUSED(MODEL_TYPE), text_input(text));
}

static bool read_elements(model_reader *r, const field_plan *p, const apus_str *texts, size_t count, void *object,
                          const model_loc *loc)
{
    if (p->max_length >= 0 && count > (size_t)p->max_length)
        return refuse(r, loc, list_too_long(r, p, count), texts_input(texts, count));
    any_list list = {read_alloc(r, count, p->field->element_size), count, APUS_SET};
    if (!list.items)
        return false;
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        model_loc at = {.parent = loc, .index = (int64_t)i};
        good &= read_element(r, p->nested, texts[i], (char *)list.items + i * p->field->element_size, &at);
    }
    memcpy(member_of(object, p->field->offset), &list, sizeof list);
    if (good && p->min_length >= 0 && count < (size_t)p->min_length)
        return refuse(r, loc, list_too_short(r, p, count), texts_input(texts, count));
    return good;
}

bool model_read_field_texts(model_reader *r, const apus_field *field, const apus_str *texts, size_t count, bool first_wins,
                            void *object, const model_loc *loc, model_input whole)
{
    const field_plan *p = plan_of(field);
    if (count == 0)
        return read_absent(r, p, object, loc, whole);
    presence_mark(r, object, p);
    if (p->kind == APUS_KIND_LIST && field->in != APUS_IN_BODY)
        return read_elements(r, p, texts, count, object, loc) && !r->out_of_memory;
    return read_text(r, p, texts[first_wins ? 0 : count - 1], object, loc) && !r->out_of_memory;
}
