/* Why a value is refused: Pydantic's error types and messages. */
#ifndef MODEL_REFUSAL_H
#define MODEL_REFUSAL_H

#include "model/model.h"

typedef struct refusal {
    const char *type;
    apus_str msg, ctx; /* ctx: a JSON object, or empty */
} refusal;

/** Name, type, message. Those that end in a reason get it by refuse_because. */
#define REFUSAL_MAP(XX)                                                                                                   \
    XX(MISSING, "missing", "Field required")                                                                              \
    XX(EXTRA, "extra_forbidden", "Extra inputs are not permitted")                                                        \
    XX(INT_TYPE, "int_type", "Input should be a valid integer")                                                           \
    XX(INT_PARSING, "int_parsing", "Input should be a valid integer, unable to parse string as an integer")               \
    XX(INT_SIZE, "int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size")                 \
    XX(INT_FROM_FLOAT, "int_from_float", "Input should be a valid integer, got a number with a fractional part")          \
    XX(FLOAT_TYPE, "float_type", "Input should be a valid number")                                                        \
    XX(FLOAT_PARSING, "float_parsing", "Input should be a valid number, unable to parse string as a number")              \
    XX(FINITE, "finite_number", "Input should be a finite number")                                                        \
    XX(BOOL_TYPE, "bool_type", "Input should be a valid boolean")                                                         \
    XX(BOOL_PARSING, "bool_parsing", "Input should be a valid boolean, unable to interpret input")                        \
    XX(STRING_TYPE, "string_type", "Input should be a valid string")                                                      \
    XX(UUID_TYPE, "uuid_type", "UUID input should be a string, bytes or UUID object")                                     \
    XX(UUID_PARSING, "uuid_parsing", "Input should be a valid UUID")                                                      \
    XX(DATETIME_TYPE, "datetime_type", "Input should be a valid datetime")                                                \
    XX(DATETIME_PARSING, "datetime_parsing", "Input should be a valid datetime")                                          \
    XX(DATETIME_FROM_DATE, "datetime_from_date_parsing", "Input should be a valid datetime or date")                      \
    XX(LIST_TYPE, "list_type", "Input should be a valid list")                                                            \
    XX(DICT_TYPE, "dict_type", "Input should be a valid dictionary")                                                      \
    XX(MODEL_TYPE, "model_attributes_type", "Input should be a valid dictionary or object to extract fields from")        \
    XX(TOO_DEEP, "recursion_loop", "Input is nested too deeply")

enum refusal_id {
#define XX(name, type, msg) REFUSED_##name,
    REFUSAL_MAP(XX)
#undef XX
};

extern const refusal refusals[];
#define REFUSED(name) (&refusals[REFUSED_##name])

/** The refusal with `, reason` behind its message and `{"error": reason}` as ctx, in the reader's arena. */
const refusal *refuse_with(model_reader *r, enum refusal_id id, apus_str reason);
/** The same with a formatted reason. */
const refusal *refuse_because(model_reader *r, enum refusal_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
