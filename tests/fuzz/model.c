/*
 * Any bytes as a JSON body and as a query's text: never a crash; errors are JSON; what is accepted is written, read again and
 * written equal.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model/rich.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static const json_value *parse(arena *memory, apus_str text)
{
    json_value *root;
    json_error error;
    return json_read(memory, text, 64, &root, &error) == JSON_OK ? root : NULL;
}

static void check_errors(arena *memory, const model_reader *r)
{
    buffer b;
    buffer_init(&b, memory, 256, (size_t)8 << 20);
    model_write_errors(&b, &r->errors);
    must(b.failed || parse(memory, buffer_str(&b)), "errors are JSON");
}

static apus_str write_back(arena *memory, const apus_model *model, const model_reader *r, const void *value)
{
    buffer b;
    char words[200];
    buffer_init(&b, memory, 256, (size_t)8 << 20);
    model_write_options options = {.exclude_unset = true, .reader = r, .error = words, .error_size = sizeof words};
    int written = model_write_json(&b, model, value, &options);
    must(written == 0 || written == APUS_ETOOLARGE, "what was read can be written");
    return buffer_str(&b);
}

static void read_body(arena *memory, const apus_model *model, apus_str text)
{
    const json_value *root = parse(memory, text);
    if (!root)
        return;
    model_reader r, again;
    model_reader_init(&r, memory, 64);
    void *value = arena_alloc(memory, model->size), *second = arena_alloc(memory, model->size);
    if (!model_read_json(&r, model, root, value, NULL)) {
        must(r.out_of_memory || r.errors.count, "a refusal has a reason");
        check_errors(memory, &r);
        return;
    }
    must(r.errors.count == 0, "what is accepted has no errors");
    apus_str first = write_back(memory, model, &r, value);
    model_reader_init(&again, memory, 64);
    root = parse(memory, first);
    must(root && model_read_json(&again, model, root, second, NULL), "what was written can be read");
    must(apus_str_eq(first, write_back(memory, model, &again, second)), "what was read again is equal");
}

static void read_query(arena *memory, apus_str text)
{
    const apus_model *model = rich_model();
    void *object = arena_alloc(memory, model->size);
    memset(object, 0, model->size);
    model_reader r;
    model_reader_init(&r, memory, 64);
    for (size_t i = 0; i < model->count; i++)
        model_read_field_texts(&r, &model->fields[i], &text, 1, false, object, NULL, (model_input){.is = INPUT_NULL});
    check_errors(memory, &r);
}

static void compile(void)
{
    const apus_model *models[] = {rich_model(), sub_list_model(), sub_dict_model()};
    char error[400];
    for (size_t i = 0; i < 3; i++)
        must(model_compile(models[i], error, sizeof error), "the tables compile");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool compiled;
    if (!compiled)
        compile();
    compiled = true;
    apus_str text = {(const char *)data, size};
    arena memory;
    arena_init(&memory, NULL, (size_t)64 << 20);
    read_body(&memory, rich_model(), text);
    read_body(&memory, sub_list_model(), text);
    read_body(&memory, sub_dict_model(), text);
    if (json_utf8_valid(text))
        read_query(&memory, text);
    arena_reset(&memory);
    return 0;
}
