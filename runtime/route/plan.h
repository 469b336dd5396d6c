/* How an operation's parameters are filled: worked out from its tables once, followed for every request. */
#ifndef ROUTE_PLAN_H
#define ROUTE_PLAN_H

#include "route/router.h"

typedef struct dependant dependant;

/** One parameter, or a parameter model. */
typedef struct parameter {
    const apus_field *field;
    const apus_model *model; /* that holds the field */
    apus_str name;           /* outside, as a loc and the document show it */
    apus_str key;            /* as it is looked up: a header's in lower case */
    model_loc loc;           /* `["query", name]` */
    size_t capture;          /* PATH: which of the template's */
    struct parameter *members; /* a parameter model's, else NULL */
    size_t member_count;
    bool forbid_extra;
} parameter;

/** A use of a dependency by an operation or by another dependency. */
typedef struct dependency_use {
    dependant *dependant;
    const apus_field *field; /* where the result goes; NULL: nowhere */
} dependency_use;

/** What has parameters: the operation itself, or a dependency. */
struct dependant {
    const apus_dependency *dependency; /* overrides applied; NULL: the operation */
    apus_dependency_fn original;
    const apus_model *in, *out;
    apus_handler run;
    size_t slot; /* of its result */
    dependency_use *uses;
    size_t use_count;
    parameter *parameters; /* path, query, header, cookie */
    size_t parameter_count;
    parameter *bodies;
    size_t body_count;
};

struct operation_plan {
    dependant root;
    size_t slots;       /* distinct dependencies */
    parameter **bodies; /* of the operation and its dependencies, in FastAPI's order */
    size_t body_count;
    bool embed;         /* the body is an object with the rows' names as keys */
};

/** Makes the plan of an operation whose route, template and dependencies are set. false with one line in `error`. */
bool plan_build(operation *op, arena *memory, char *error, size_t error_size);
/** The dependency that stands for `original`, after apus_override. */
const apus_dependency *plan_dependency(apus_dependency_fn original);

#endif
