/* What the compiler cannot see in a row: refused at the start, by name. */
#include "model/plan.h"

static const char *const kind_names[] = {
    [APUS_KIND_INT] = "an integer", [APUS_KIND_DOUBLE] = "a double",     [APUS_KIND_BOOL] = "a bool",
    [APUS_KIND_STR] = "a text",     [APUS_KIND_UUID] = "a uuid",         [APUS_KIND_DATETIME] = "a date-time",
    [APUS_KIND_JSON] = "json",      [APUS_KIND_ENUM] = "an enum",        [APUS_KIND_OBJECT] = "an object",
    [APUS_KIND_LIST] = "a list",    [APUS_KIND_DICT] = "a dict",         [APUS_KIND_DEPENDS] = "a dependency",
    [APUS_KIND_SCHEMA] = "a schema",
};

const char *kind_name(apus_kind kind)
{
    return kind_names[kind];
}

static bool is_number(apus_kind kind)
{
    return kind == APUS_KIND_INT || kind == APUS_KIND_DOUBLE || kind == APUS_KIND_BOOL || kind == APUS_KIND_ENUM;
}

static bool is_word(apus_kind kind)
{
    return kind == APUS_KIND_STR || kind == APUS_KIND_UUID || kind == APUS_KIND_DATETIME;
}

static bool has_fallback(const apus_field *f)
{
    bool container = !is_number(f->kind) && !is_word(f->kind);
    return f->fallback == f->fallback || f->fallback_str || (container && f->fallback_json);
}

static bool check_presence(compiler *c, const apus_field *f)
{
    bool container = f->kind == APUS_KIND_LIST || f->kind == APUS_KIND_DICT || f->kind == APUS_KIND_JSON;
    if (f->required && f->optional)
        return complain(c, ".required and .optional contradict each other");
    if (f->required && has_fallback(f))
        return complain(c, ".required has no use for a fallback");
    if (f->nullable && !container)
        return complain(c, ".nullable is for lists, dicts and json; for %s take an apus_opt_ type or a pointer", kind_name(f->kind));
    return true;
}

static bool check_fallback(compiler *c, const apus_field *f)
{
    if (f->fallback == f->fallback && !is_number(f->kind))
        return complain(c, ".fallback is for numbers, bools and enums; for %s take %s", kind_name(f->kind),
                        is_word(f->kind) ? ".fallback_str" : ".fallback_json");
    if (f->fallback_str && !is_word(f->kind))
        return complain(c, ".fallback_str is for texts, uuids and date-times, not for %s", kind_name(f->kind));
    return true;
}

static bool check_json_text(compiler *c, const char *text, const char *what, json_type type)
{
    json_value *root;
    json_error error = {"it is too deep, or not UTF-8", 0};
    if (!text)
        return true;
    if (json_read(c->memory, apus_cstr(text), 512, &root, &error) != JSON_OK)
        return complain(c, "%s is no JSON: %s at character %zu", what, error.error ? error.error : "refused", error.offset);
    if (type != JSON_NULL && json_type_of(root) != type)
        return complain(c, "%s must be a JSON %s", what, type == JSON_ARRAY ? "array" : "object");
    return true;
}

static bool check_parts(compiler *c, const apus_field *f)
{
    bool pair = f->kind == APUS_KIND_DICT, model = pair || f->kind == APUS_KIND_LIST || f->kind == APUS_KIND_OBJECT;
    if (model && (!f->model || !f->model()))
        return complain(c, "it has no model");
    if (pair && (!f->key_model || !f->key_model()))
        return complain(c, "it has no model for its keys");
    if (f->kind == APUS_KIND_DEPENDS && !f->dependency)
        return complain(c, "it has no dependency");
    if (f->pattern && f->kind != APUS_KIND_STR)
        return complain(c, ".pattern is for texts, not for %s", kind_name(f->kind));
    return true;
}

bool check_row(compiler *c, const apus_field *f)
{
    if (f->kind > APUS_KIND_SCHEMA || f->shape > APUS_POINTER)
        return complain(c, "its kind is unknown: rows are made by FIELD, LIST and their like");
    if (!check_json_text(c, f->examples_json, ".examples_json", JSON_ARRAY) ||
        !check_json_text(c, f->schema_extra_json, ".schema_extra_json", JSON_OBJECT))
        return false;
    if (f->kind == APUS_KIND_SCHEMA)
        return true;
    if (!f->name || !*f->name)
        return complain(c, "it has no name");
    if (f->alias && !json_utf8_valid(apus_cstr(f->alias)))
        return complain(c, ".alias is not UTF-8");
    return check_json_text(c, f->fallback_json, ".fallback_json", JSON_NULL) && check_parts(c, f) && check_presence(c, f) &&
           check_fallback(c, f);
}

static const char *name_outside(const apus_field *f)
{
    return f->alias ? f->alias : f->name;
}

bool check_rows_together(compiler *c, const apus_model *model)
{
    size_t schemas = 0, roots = 0, rows = 0;
    for (size_t i = 0; i < model->count; i++) {
        const apus_field *f = c->field = &model->fields[i];
        bool schema = f->kind == APUS_KIND_SCHEMA;
        if (schema && ++schemas > 1)
            return complain(c, "SCHEMA stands twice");
        rows += !schema;
        roots += f->root;
        for (size_t j = 0; j < i && !schema; j++) {
            const apus_field *other = &model->fields[j];
            if (other->kind != APUS_KIND_SCHEMA && strcmp(f->name, other->name) == 0)
                return complain(c, "it stands twice");
            if (other->kind != APUS_KIND_SCHEMA && f->in == other->in && f->kind != APUS_KIND_DEPENDS &&
                other->kind != APUS_KIND_DEPENDS && strcmp(name_outside(f), name_outside(other)) == 0)
                return complain(c, "its name outside is that of %s too", other->name);
        }
    }
    if (roots && rows > 1)
        return complain(c, "a ROOT_ row must be the only one of its model");
    return true;
}
