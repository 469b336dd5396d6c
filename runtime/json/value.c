#include "json/json.h"

#include <stdlib.h>
#include <yyjson.h>

/* yyjson's accessors take pointers to what they do not change. */
static yyjson_val *bare(const json_value *v)
{
    return (yyjson_val *)(uintptr_t)v;
}

json_type json_type_of(const json_value *v)
{
    static const uint8_t types[32] = {
        [YYJSON_TYPE_RAW] = JSON_BIGINT,
        [YYJSON_TYPE_NULL] = JSON_NULL,
        [YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE] = JSON_BOOL,
        [YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE] = JSON_BOOL,
        [YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT] = JSON_INT,
        [YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT] = JSON_INT,
        [YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL] = JSON_DOUBLE,
        [YYJSON_TYPE_STR] = JSON_STR,
        [YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC] = JSON_STR,
        [YYJSON_TYPE_ARR] = JSON_ARRAY,
        [YYJSON_TYPE_OBJ] = JSON_OBJECT,
    };
    return types[unsafe_yyjson_get_tag(bare(v)) & 31];
}

bool json_bool(const json_value *v)
{
    return unsafe_yyjson_get_bool(bare(v));
}

int64_t json_int(const json_value *v)
{
    return v->uni.i64;
}

double json_double(const json_value *v)
{
    switch (json_type_of(v)) {
    case JSON_INT:
        return (double)v->uni.i64;
    case JSON_BIGINT:
        return strtod(v->uni.str, NULL); /* digits only, NUL after them: the locale has no say */
    default:
        return v->uni.f64;
    }
}

apus_str json_str(const json_value *v)
{
    return (apus_str){v->uni.str, unsafe_yyjson_get_len(bare(v))};
}

size_t json_count(const json_value *v)
{
    return unsafe_yyjson_get_len(bare(v));
}

json_value *json_get(const json_value *object, apus_str key)
{
    json_value *found = NULL;
    json_iterator it = json_iterate(object);
    apus_str name;
    if (!it.object)
        return NULL;
    for (json_value *v; (v = json_next(&it, &name));)
        if (apus_str_eq(name, key))
            found = v;
    return found;
}

json_iterator json_iterate(const json_value *container)
{
    yyjson_val *v = bare(container);
    if (!unsafe_yyjson_is_ctn(v))
        return (json_iterator){0};
    bool object = unsafe_yyjson_get_type(v) == YYJSON_TYPE_OBJ;
    return (json_iterator){.next = unsafe_yyjson_get_first(v), .left = unsafe_yyjson_get_len(v), .object = object};
}

json_value *json_next(json_iterator *it, apus_str *key)
{
    if (it->left == 0)
        return NULL;
    it->left--;
    json_value *value = it->next;
    if (it->object) {
        it->key = value++;
        if (key)
            *key = json_str(it->key);
    }
    it->next = unsafe_yyjson_get_next(value);
    return value;
}
