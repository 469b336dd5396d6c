#include "model/cases.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/plan.h"

void compile_rich(void)
{
    const apus_model *models[] = {rich_model(), sub_list_model(), sub_dict_model()};
    char error[400];
    for (size_t i = 0; i < 3; i++)
        if (!model_compile(models[i], error, sizeof error)) {
            fprintf(stderr, "%s\n", error);
            abort();
        }
}

static const char *write_field(buffer *b, const field_plan *p, const void *object)
{
    static char words[200];
    model_write_options options = {.error = words, .error_size = sizeof words};
    writer w = {.b = b, .options = &options};
    buffer_append_str(b, APUS_STR("{\"v\":"));
    if (!write_member(&w, p, object))
        return words;
    buffer_append_char(b, '}');
    return NULL;
}

static apus_str finish(buffer *b, model_reader *r, bool good)
{
    if (!good && r->errors.count) {
        b->len = 0;
        model_write_errors(b, &r->errors);
    }
    return b->failed || r->out_of_memory ? APUS_STR("out of memory") : buffer_str(b);
}

static apus_str answer_body(arena *memory, model_reader *r, const apus_model *model, apus_str text)
{
    buffer b;
    buffer_init(&b, memory, 256, (size_t)1 << 24);
    json_value *root;
    json_error error;
    if (json_read(memory, text, 64, &root, &error) != JSON_OK)
        return APUS_STR("no JSON");
    model_loc loc = {.name = APUS_STR("body")};
    void *out = arena_alloc(memory, model->size);
    bool good = model_read_json(r, model, root, out, &loc);
    if (good && model_write_json(&b, model, out, &(model_write_options){.exclude_defaults = true}) < 0)
        return APUS_STR("not written");
    return finish(&b, r, good);
}

static apus_str answer_texts(arena *memory, model_reader *r, const apus_field *field, apus_str text)
{
    buffer b;
    buffer_init(&b, memory, 256, (size_t)1 << 24);
    json_value *root;
    json_error error;
    if (json_read(memory, text, 64, &root, &error) != JSON_OK)
        return APUS_STR("no JSON");
    apus_str *texts = arena_alloc(memory, json_count(root) * sizeof *texts);
    size_t count = 0;
    json_iterator it = json_iterate(root);
    for (const json_value *v; (v = json_next(&it, NULL));)
        texts[count++] = json_str(v);
    model_loc query = {.name = APUS_STR("query")}, loc = {.parent = &query, .name = APUS_STR("v")};
    void *object = arena_alloc(memory, rich_model()->size);
    memset(object, 0, rich_model()->size);
    bool good = model_read_field_texts(r, field, texts, count, false, object, &loc, (model_input){.is = INPUT_NULL});
    if (good && write_field(&b, plan_of(field), object))
        return APUS_STR("not written");
    return finish(&b, r, good);
}

apus_str case_answer(arena *memory, const char *target, apus_str text)
{
    model_reader r;
    model_reader_init(&r, memory, 64);
    if (strcmp(target, "rich") == 0)
        return answer_body(memory, &r, rich_model(), text);
    if (strcmp(target, "list") == 0)
        return answer_body(memory, &r, sub_list_model(), text);
    if (strcmp(target, "dict") == 0)
        return answer_body(memory, &r, sub_dict_model(), text);
    int column = model_column(rich_model(), target);
    return column < 0 ? APUS_STR("no target") : answer_texts(memory, &r, &rich_model()->fields[column], text);
}
