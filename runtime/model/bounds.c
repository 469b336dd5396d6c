/* What a value must satisfy beyond its type; messages are made when the table is compiled. */
#include "model/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *key, *type, *words;
    size_t at; /* of the row's member */
} bound_rows[BOUND_COUNT] = {
    [BOUND_MULTIPLE_OF] = {"multiple_of", "multiple_of", "a multiple of", offsetof(apus_field, multiple_of)},
    [BOUND_LE] = {"le", "less_than_equal", "less than or equal to", offsetof(apus_field, le)},
    [BOUND_LT] = {"lt", "less_than", "less than", offsetof(apus_field, lt)},
    [BOUND_GE] = {"ge", "greater_than_equal", "greater than or equal to", offsetof(apus_field, ge)},
    [BOUND_GT] = {"gt", "greater_than", "greater than", offsetof(apus_field, gt)},
};

/* The shortest digits that read back as the same double, never with an exponent: as Rust prints it in Pydantic's messages. */
static void positional(double value, char *out, size_t size)
{
    char digits[40];
    int precision = 0;
    do
        snprintf(digits, sizeof digits, "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (precision >= exponent) {
        snprintf(out, size, "%.*f", precision - exponent, value);
        return;
    }
    /* more places than digits that count: zeros behind them */
    size_t at = 0, places = 0;
    for (const char *d = digits; *d != 'e'; d++) {
        places += *d >= '0' && *d <= '9';
        if (*d != '.')
            out[at++] = *d;
    }
    for (; places < (size_t)exponent + 1 && at + 1 < size; places++)
        out[at++] = '0';
    out[at] = '\0';
}

static apus_str bound_ctx(compiler *c, const char *key, const bound *b, bool integer)
{
    if (integer)
        return keep_printf(c, "{\"%s\":%lld}", key, (long long)b->integer);
    buffer text;
    buffer_init(&text, c->memory, 64, 256);
    buffer_printf(&text, "{\"%s\":", key);
    json_write_double(&text, b->number, JSON_PYTHON);
    buffer_append_char(&text, '}');
    return buffer_str(&text);
}

static bool take_bound(compiler *c, field_plan *p, enum bound_id id, long double value)
{
    bound *b = &p->bounds[id];
    bool integer = p->kind == APUS_KIND_INT;
    if (integer) {
        if (!(value >= (long double)INT64_MIN && value <= (long double)INT64_MAX) || (long double)(int64_t)value != value)
            return complain(c, ".%s of an integer must be an integer within 64 bits", bound_rows[id].key);
        b->integer = (int64_t)value;
    }
    b->number = (double)value;
    if (id == BOUND_MULTIPLE_OF && !(value > 0))
        return complain(c, ".multiple_of must be above 0");
    char text[400];
    if (integer)
        snprintf(text, sizeof text, "%lld", (long long)b->integer);
    else
        positional(b->number, text, sizeof text);
    b->refused.type = bound_rows[id].type;
    b->refused.msg = keep_printf(c, "Input should be %s %s", bound_rows[id].words, text);
    b->refused.ctx = bound_ctx(c, bound_rows[id].key, b, integer);
    p->bounds_set |= 1u << id;
    return true;
}

bool compile_bounds(compiler *c, field_plan *p)
{
    for (enum bound_id id = 0; id < BOUND_COUNT; id++) {
        long double value;
        memcpy(&value, (const char *)p->field + bound_rows[id].at, sizeof value);
        if (value != value)
            continue;
        if (p->kind != APUS_KIND_INT && p->kind != APUS_KIND_DOUBLE)
            return complain(c, ".%s is for numbers, not for %s", bound_rows[id].key, kind_name(p->kind));
        if (!p->bounds && !(p->bounds = keep_zeroed(c, BOUND_COUNT * sizeof *p->bounds)))
            return complain(c, "no memory");
        if (!take_bound(c, p, id, value))
            return false;
    }
    return true;
}

static bool int_holds(enum bound_id id, int64_t value, int64_t limit)
{
    switch (id) {
    case BOUND_MULTIPLE_OF:
        return value % limit == 0;
    case BOUND_LE:
        return value <= limit;
    case BOUND_LT:
        return value < limit;
    case BOUND_GE:
        return value >= limit;
    case BOUND_GT:
        return value > limit;
    case BOUND_COUNT:
        break;
    }
    return true;
}

/* A multiple may be off by a billionth; an infinite quotient is none. */
static bool double_holds(enum bound_id id, double value, double limit)
{
    switch (id) {
    case BOUND_MULTIPLE_OF:
        return !(fabs(value - round(value / limit) * limit) > 1e-9);
    case BOUND_LE:
        return value <= limit;
    case BOUND_LT:
        return value < limit;
    case BOUND_GE:
        return value >= limit;
    case BOUND_GT:
        return value > limit;
    case BOUND_COUNT:
        break;
    }
    return true;
}

const refusal *check_int(const field_plan *p, int64_t value)
{
    for (unsigned left = p->bounds_set; left; left &= left - 1) {
        enum bound_id id = (enum bound_id)__builtin_ctz(left);
        if (!int_holds(id, value, p->bounds[id].integer))
            return &p->bounds[id].refused;
    }
    return NULL;
}

static bool is_multiple(apus_str digits, int64_t of)
{
    __extension__ unsigned __int128 rest = 0;
    for (size_t i = 0; i < digits.len && digits.ptr[i] != '.'; i++)
        if (digits.ptr[i] >= '0' && digits.ptr[i] <= '9')
            rest = (rest * 10 + (unsigned)(digits.ptr[i] - '0')) % (unsigned __int128)of;
    return rest == 0;
}

const refusal *check_bigint(const field_plan *p, apus_str digits, bool negative)
{
    static const enum bound_id above[] = {BOUND_LE, BOUND_LT}, below[] = {BOUND_GE, BOUND_GT};
    const enum bound_id *broken = negative ? below : above;
    if (p->bounds_set & 1u << BOUND_MULTIPLE_OF && !is_multiple(digits, p->bounds[BOUND_MULTIPLE_OF].integer))
        return &p->bounds[BOUND_MULTIPLE_OF].refused;
    for (size_t i = 0; i < 2; i++)
        if (p->bounds_set & 1u << broken[i])
            return &p->bounds[broken[i]].refused;
    return REFUSED(INT_SIZE);
}

const refusal *check_double(const field_plan *p, double value)
{
    for (unsigned left = p->bounds_set; left; left &= left - 1) {
        enum bound_id id = (enum bound_id)__builtin_ctz(left);
        if (!double_holds(id, value, p->bounds[id].number))
            return &p->bounds[id].refused;
    }
    return isfinite(value) ? NULL : REFUSED(FINITE);
}

static const char *plural(long count)
{
    return count == 1 ? "" : "s";
}

bool compile_lengths(compiler *c, field_plan *p)
{
    p->min_length = p->field->min_length;
    p->max_length = p->field->max_length;
    if (p->min_length < 0 && p->max_length < 0)
        return true;
    if (p->kind != APUS_KIND_STR && p->kind != APUS_KIND_LIST && p->kind != APUS_KIND_DICT)
        return complain(c, ".min_length and .max_length are for texts, lists and dicts, not for %s", kind_name(p->kind));
    if (p->max_length >= 0 && p->min_length > p->max_length)
        return complain(c, ".min_length is above .max_length");
    p->too_short = (refusal){"string_too_short",
                             keep_printf(c, "String should have at least %ld character%s", p->min_length, plural(p->min_length)),
                             keep_printf(c, "{\"min_length\":%ld}", p->min_length)};
    p->too_long = (refusal){"string_too_long",
                            keep_printf(c, "String should have at most %ld character%s", p->max_length, plural(p->max_length)),
                            keep_printf(c, "{\"max_length\":%ld}", p->max_length)};
    return true;
}

/* A text of n bytes has n/4 to n code points: mostly there is nothing to count. */
const refusal *check_text(const field_plan *p, apus_str text)
{
    if (p->min_length > 0) {
        size_t least = (size_t)p->min_length;
        if (text.len < least || (text.len < least * 4 && json_utf8_length(text) < least))
            return &p->too_short;
    }
    if (p->max_length >= 0 && text.len > (size_t)p->max_length && json_utf8_length(text) > (size_t)p->max_length)
        return &p->too_long;
    if (p->pattern && !pattern_matches(p->pattern, text))
        return &p->mismatch;
    return NULL;
}

/* Python's repr of a text, as Pydantic shows constants: double quotes where it holds a single one. */
static void write_repr(buffer *b, const char *text)
{
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    buffer_append_char(b, quote);
    for (; *text; text++) {
        if (*text == quote || *text == '\\')
            buffer_append_char(b, '\\');
        buffer_append_char(b, *text);
    }
    buffer_append_char(b, quote);
}

static bool check_constants(compiler *c, const apus_enum *type)
{
    for (size_t i = 0; i < type->count; i++) {
        if (!type->values[i].text || !json_utf8_valid(apus_cstr(type->values[i].text)))
            return complain(c, "value %zu of its ENUM_TYPE has no text in UTF-8", i);
        for (size_t j = 0; j < i; j++)
            if (type->values[i].value == type->values[j].value || strcmp(type->values[i].text, type->values[j].text) == 0)
                return complain(c, "its ENUM_TYPE says \"%s\" twice, or its constant", type->values[i].text);
    }
    return true;
}

bool compile_enum(compiler *c, field_plan *p)
{
    const apus_enum *type = p->field->enum_type ? p->field->enum_type() : NULL;
    if (!type || !type->values || type->count == 0)
        return complain(c, "its ENUM_TYPE has no values");
    if (!check_constants(c, type))
        return false;
    apus_str *texts = keep_zeroed(c, type->count * sizeof *texts);
    buffer expected;
    buffer_init(&expected, c->memory, 64, (size_t)1 << 20);
    for (size_t i = 0; texts && i < type->count; i++) {
        const char *text = type->values[i].text;
        texts[i] = apus_cstr(text);
        if (i)
            buffer_append_str(&expected, i + 1 == type->count ? APUS_STR(" or ") : APUS_STR(", "));
        write_repr(&expected, text);
    }
    if (!texts || expected.failed)
        return complain(c, "no memory");
    apus_str list = buffer_str(&expected), quoted = keep_quoted(c, list);
    p->constants = type->values;
    p->constant_texts = texts;
    p->constant_count = type->count;
    p->not_constant = (refusal){type->name ? "enum" : "literal_error",
                                keep_printf(c, "Input should be %.*s", (int)list.len, list.ptr),
                                keep_printf(c, "{\"expected\":%.*s}", (int)quoted.len, quoted.ptr)};
    return true;
}
