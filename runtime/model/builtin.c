/* The models of single values, and the texts of constants. */
#include "model/plan.h"

#define SCALAR_MODEL(T, function)                                                                                     \
    const apus_model *function(void)                                                                                  \
    {                                                                                                                 \
        typedef struct {                                                                                              \
            T value;                                                                                                  \
        } self;                                                                                                       \
        static const apus_field fields[] = {FIELD(value)};                                                            \
        static struct model_compiled *compiled;                                                                       \
        static const apus_model model = {#T, sizeof(T), _Alignof(T), fields, 1, true, &compiled};                     \
        return &model;                                                                                                \
    }

#undef _Bool_model
SCALAR_MODEL(int64_t, int64_t_model)
SCALAR_MODEL(double, double_model)
SCALAR_MODEL(_Bool, bool_model)
SCALAR_MODEL(apus_str, apus_str_model)
SCALAR_MODEL(apus_uuid, apus_uuid_model)
SCALAR_MODEL(apus_datetime, apus_datetime_model)
SCALAR_MODEL(apus_json, apus_json_model)
SCALAR_MODEL(apus_opt_int, apus_opt_int_model)
SCALAR_MODEL(apus_opt_double, apus_opt_double_model)
SCALAR_MODEL(apus_opt_bool, apus_opt_bool_model)
SCALAR_MODEL(apus_opt_str, apus_opt_str_model)
SCALAR_MODEL(apus_opt_uuid, apus_opt_uuid_model)
SCALAR_MODEL(apus_opt_datetime, apus_opt_datetime_model)

const apus_model *apus_none_model(void)
{
    static struct model_compiled *compiled;
    static const apus_model model = {"apus_none", sizeof(apus_none), _Alignof(apus_none), NULL, 0, false, &compiled};
    return &model;
}

apus_str apus_text_of_constant(const apus_enum *type, int constant)
{
    for (size_t i = 0; i < type->count; i++)
        if (type->values[i].value == constant)
            return apus_cstr(type->values[i].text);
    return (apus_str){NULL, 0};
}

apus_str apus_text_of_opt_constant(const apus_enum *type, apus_opt_enum constant)
{
    return constant.is == APUS_SET ? apus_text_of_constant(type, constant.value) : (apus_str){NULL, 0};
}
