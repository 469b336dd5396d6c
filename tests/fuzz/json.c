/* Any bytes: json_read never crashes, agrees with json_explain, and what it accepts is the same after writing and reading again. */
#include "core/limits.h"
#include "json/explain.h"

#include <stdlib.h>

#define DEPTH 64

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static apus_str written(arena *a, const json_value *value, json_style style)
{
    buffer b;
    buffer_init(&b, a, 0, LIMIT_RESPONSE_BODY);
    json_write_value(&b, value, style);
    require(!b.failed && json_utf8_valid(buffer_str(&b)));
    return buffer_str(&b);
}

static void require_round_trip(arena *a, const json_value *value, json_style style)
{
    json_value *again;
    json_error error;
    apus_str first = written(a, value, style);
    require(json_read(a, first, DEPTH, &again, &error) == JSON_OK);
    require(apus_str_eq(first, written(a, again, style)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    apus_str text = {(const char *)bytes, size};
    arena a;
    json_value *root;
    json_error error, explained = {0};
    arena_init(&a, NULL, LIMIT_REQUEST_MEMORY);
    json_status status = json_read(&a, text, DEPTH, &root, &error);
    require(json_explain(text, DEPTH, &explained) == status);
    if (status == JSON_OK) {
        require_round_trip(&a, root, JSON_PYDANTIC);
        require_round_trip(&a, root, JSON_PYTHON);
    } else {
        require(!root && error.offset <= size && error.error == explained.error && error.offset == explained.offset);
        require((status == JSON_SYNTAX) == (error.error != NULL));
    }
    arena_reset(&a);
    return 0;
}
