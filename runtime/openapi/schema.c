#include "openapi/components.h"

#include "route/naming.h"

#include <math.h>
#include <stdio.h>

static const apus_field *schema_row(const apus_model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->fields[i].kind == APUS_KIND_SCHEMA)
            return &model->fields[i];
    }
    return NULL;
}

static const apus_field *root_row(const apus_model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->fields[i].root)
            return &model->fields[i];
    }
    return model->scalar ? &model->fields[0] : NULL;
}

bool schema_is_inline(const apus_model *model)
{
    const apus_field *row = schema_row(model);
    return root_row(model) && !(row && row->schema_name);
}

static tree *reference(components *c, const component *to)
{
    apus_str name = to ? to->name : APUS_STR("");
    tree *t = tree_object(c->m);
    tree_set(c->m, t, "$ref", tree_str(c->m, tree_printf(c->m, "#/components/schemas/%.*s", APUS_ARG(name))));
    return t;
}

/* The texts of an enum: without a name it is what Python calls a Literal, and stands where it is used. */
static tree *enum_schema(components *c, const apus_enum *values)
{
    tree *t = tree_object(c->m), *texts = tree_array(c->m);
    for (size_t i = 0; i < values->count; i++)
        tree_add(texts, tree_str(c->m, apus_cstr(values->values[i].text)));
    if (values->count == 1 && !values->name)
        tree_set(c->m, t, "const", texts->first);
    else
        tree_set(c->m, t, "enum", texts);
    tree_set(c->m, t, "type", tree_str(c->m, APUS_STR("string")));
    return t;
}

static tree *enum_reference(components *c, const apus_enum *values)
{
    bool is_new;
    if (!values->name)
        return enum_schema(c, values);
    component *of = component_of(c, NULL, values, values->name, &is_new);
    return reference(c, of);
}

static tree *model_reference(components *c, const apus_model *model)
{
    const apus_field *row = schema_row(model);
    bool is_new;
    component *of = component_of(c, model, NULL, row && row->schema_name ? row->schema_name : model->name, &is_new);
    if (of && is_new)
        component_describe(c, of);
    return reference(c, of);
}

static tree *type_of(components *c, const char *type)
{
    tree *t = tree_object(c->m);
    tree_set(c->m, t, "type", tree_str(c->m, apus_cstr(type)));
    return t;
}

static void put_bound(components *c, tree *t, const char *key, long double bound, bool integer)
{
    if (!isnan(bound))
        tree_set(c->m, t, key, integer ? tree_int(c->m, (int64_t)bound) : tree_double(c->m, (double)bound));
}

static void put_count(components *c, tree *t, const char *key, long count)
{
    if (count >= 0)
        tree_set(c->m, t, key, tree_int(c->m, count));
}

static tree *number_schema(components *c, const apus_field *f, const char *type, bool integer)
{
    tree *t = type_of(c, type);
    put_bound(c, t, "maximum", f->le, integer);
    put_bound(c, t, "exclusiveMaximum", f->lt, integer);
    put_bound(c, t, "minimum", f->ge, integer);
    put_bound(c, t, "exclusiveMinimum", f->gt, integer);
    put_bound(c, t, "multipleOf", f->multiple_of, integer);
    return t;
}

static tree *string_schema(components *c, const apus_field *f, const char *format)
{
    tree *t = type_of(c, "string");
    put_count(c, t, "maxLength", f->max_length);
    put_count(c, t, "minLength", f->min_length);
    if (f->pattern)
        tree_set(c->m, t, "pattern", tree_str(c->m, apus_cstr(f->pattern)));
    if (format)
        tree_set(c->m, t, "format", tree_str(c->m, apus_cstr(format)));
    return t;
}

static tree *list_schema(components *c, const apus_field *f)
{
    tree *t = type_of(c, "array");
    tree_set(c->m, t, "items", schema_of_model(c, f->model()));
    put_count(c, t, "maxItems", f->max_length);
    put_count(c, t, "minItems", f->min_length);
    return t;
}

/* Keys of which more is to be said than that they are strings. */
static tree *names_schema(components *c, const apus_model *model)
{
    tree *key = schema_of_model(c, model), *names = tree_object(c->m);
    const tree *type = tree_get(key, APUS_STR("type"));
    if (type && !apus_str_is(type->text, "\"string\""))
        return names;
    for (tree *t = key->first, *next; t; t = next) {
        next = t->next;
        if (t != type)
            tree_put(c->m, names, t->key, t);
    }
    return names;
}

static tree *dict_schema(components *c, const apus_field *f)
{
    tree *t = type_of(c, "object"), *value = schema_of_model(c, f->model()), *names = names_schema(c, f->key_model());
    tree_set(c->m, t, "additionalProperties", value->first ? value : tree_bool(c->m, true));
    if (names->first)
        tree_set(c->m, t, "propertyNames", names);
    put_count(c, t, "maxProperties", f->max_length);
    put_count(c, t, "minProperties", f->min_length);
    return t;
}

static tree *kind_schema(components *c, const apus_field *f)
{
    switch (f->kind) {
    case APUS_KIND_INT:
        return number_schema(c, f, "integer", true);
    case APUS_KIND_DOUBLE:
        return number_schema(c, f, "number", false);
    case APUS_KIND_BOOL:
        return type_of(c, "boolean");
    case APUS_KIND_STR:
        return string_schema(c, f, NULL);
    case APUS_KIND_UUID:
        return string_schema(c, f, "uuid");
    case APUS_KIND_DATETIME:
        return string_schema(c, f, "date-time");
    case APUS_KIND_ENUM:
        return enum_reference(c, f->enum_type());
    case APUS_KIND_OBJECT:
        return schema_of_model(c, f->model());
    case APUS_KIND_LIST:
        return list_schema(c, f);
    case APUS_KIND_DICT:
        return dict_schema(c, f);
    case APUS_KIND_JSON:
    case APUS_KIND_DEPENDS:
    case APUS_KIND_SCHEMA:
    default:
        return tree_object(c->m);
    }
}

static bool has_fallback(const apus_field *f)
{
    return !isnan(f->fallback) || f->fallback_str || f->fallback_json;
}

static bool is_nullable(const apus_field *f)
{
    if (f->not_null)
        return false;
    return f->shape != APUS_PLAIN || f->nullable || (f->optional && !has_fallback(f));
}

static tree *nullable_schema(components *c, const apus_field *f)
{
    tree *value = kind_schema(c, f);
    if (!is_nullable(f))
        return value;
    tree *t = tree_object(c->m), *choices = tree_open(c->m, t, "anyOf");
    choices->is = TREE_ARRAY;
    tree_add(choices, value);
    tree_add(choices, type_of(c, "null"));
    return t;
}

static bool is_reference(const tree *t)
{
    return tree_get(t, APUS_STR("$ref")) != NULL;
}

/* Whether it refers to a component, perhaps beside null. */
static bool refers(const tree *t)
{
    const tree *choices = tree_get(t, APUS_STR("anyOf"));
    return is_reference(choices ? choices->first : t);
}

tree *schema_of_model(components *c, const apus_model *model)
{
    return schema_is_inline(model) ? nullable_schema(c, root_row(model)) : model_reference(c, model);
}

static tree *enum_text(components *c, const apus_enum *values, int value)
{
    for (size_t i = 0; i < values->count; i++) {
        if (values->values[i].value == value)
            return tree_str(c->m, apus_cstr(values->values[i].text));
    }
    return tree_int(c->m, value);
}

static tree *parsed(components *c, const char *text, const char *what)
{
    json_error wrong;
    tree *t = tree_parse(c->m, text, &wrong);
    if (t)
        return t;
    if (!c->error[0])
        snprintf(c->error, c->error_size, "%s %s: at character %zu: %s", what, text, wrong.offset, wrong.error);
    return tree_object(c->m);
}

static tree *fallback_schema(components *c, const apus_field *f)
{
    if (f->fallback_json)
        return parsed(c, f->fallback_json, ".fallback_json");
    if (f->fallback_str)
        return tree_str(c->m, apus_cstr(f->fallback_str));
    switch (f->kind) {
    case APUS_KIND_BOOL:
        return tree_bool(c->m, f->fallback > 0 || f->fallback < 0);
    case APUS_KIND_DOUBLE:
        return tree_double(c->m, (double)f->fallback);
    case APUS_KIND_ENUM:
        return enum_text(c, f->enum_type(), (int)f->fallback);
    default:
        return tree_int(c->m, (int64_t)f->fallback);
    }
}

/* What a row says beside its type. */
static void document(components *c, tree *t, const apus_field *row)
{
    if (row->doc)
        tree_set(c->m, t, "description", tree_str(c->m, apus_cstr(row->doc)));
    if (row->format)
        tree_set(c->m, t, "format", tree_str(c->m, apus_cstr(row->format)));
    if (row->examples_json)
        tree_set(c->m, t, "examples", parsed(c, row->examples_json, ".examples_json"));
    if (row->deprecated)
        tree_set(c->m, t, "deprecated", tree_bool(c->m, true));
    if (row->schema_extra_json)
        tree_merge(c->m, t, parsed(c, row->schema_extra_json, ".schema_extra_json"));
}

static tree *title(components *c, apus_str name)
{
    char *text = naming_title(&c->m->memory, name);
    c->m->failed |= !text;
    return tree_str(c->m, apus_cstr(text));
}

tree *schema_of_field(components *c, const apus_field *field, apus_str name, bool top)
{
    tree *t = nullable_schema(c, field);
    if (field->title)
        tree_set(c->m, t, "title", tree_str(c->m, apus_cstr(field->title)));
    else if (top ? !is_reference(t) : !refers(t))
        tree_set(c->m, t, "title", title(c, name));
    if (has_fallback(field))
        tree_set(c->m, t, "default", fallback_schema(c, field));
    document(c, t, field);
    return t;
}

tree *schema_of_result(components *c, const apus_model *model, apus_str name)
{
    tree *t = schema_of_model(c, model);
    if (!is_reference(t))
        tree_set(c->m, t, "title", title(c, name));
    return t;
}

static void describe_members(components *c, tree *t, const apus_model *model)
{
    tree *properties = tree_open(c->m, t, "properties"), *required = tree_array(c->m);
    for (size_t i = 0; i < model->count; i++) {
        const apus_field *f = &model->fields[i];
        if (f->kind == APUS_KIND_SCHEMA || f->kind == APUS_KIND_DEPENDS || f->hidden)
            continue;
        apus_str name = model_field_name(f);
        tree_put(c->m, properties, name, schema_of_field(c, f, name, false));
        if (model_field_required(f))
            tree_add(required, tree_str(c->m, name));
    }
    tree_set(c->m, t, "type", tree_str(c->m, APUS_STR("object")));
    if (required->first)
        tree_set(c->m, t, "required", required);
}

static void describe_model(components *c, component *of)
{
    const apus_field *row = schema_row(of->model), *root = root_row(of->model);
    tree *t = of->schema = tree_object(c->m);
    if (root)
        tree_merge(c->m, t, nullable_schema(c, root));
    else
        describe_members(c, t, of->model);
    tree_set(c->m, t, "title", tree_str(c->m, row && row->title ? apus_cstr(row->title) : of->base));
    if (!row)
        return;
    if (row->forbid_extra)
        tree_set(c->m, t, "additionalProperties", tree_bool(c->m, false));
    document(c, t, row);
}

static void describe_enum(components *c, component *of)
{
    tree *t = of->schema = enum_schema(c, of->values);
    tree_set(c->m, t, "title", tree_str(c->m, of->base));
    if (of->values->doc)
        tree_set(c->m, t, "description", tree_str(c->m, apus_cstr(of->values->doc)));
}

void component_describe(components *c, component *of)
{
    if (of->values)
        describe_enum(c, of);
    else
        describe_model(c, of);
}
