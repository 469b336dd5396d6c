#include "route/solve.h"

#include "route/params.h"
#include "route/response.h"

static char nothing; /* what apus_none points to: nobody reads or writes it */

static void *make(apus_request *req, const apus_model *model)
{
    return model == apus_none_model() ? &nothing : apus_alloc(req, model->size);
}

/*
 * Calls a handler or a dependency. A response that it made, an exception that it raised and a failure of its last database
 * call count, whatever it returned; one of a middleware's, before, does not.
 */
static int call(apus_request *req, apus_handler run, const void *in, void *out)
{
    req->task.failure = 0;
    int result = run(req, in, out);
    if (result >= 0 && req->task.failure < 0)
        result = req->task.failure;
    if (result >= 0 && (req->out.status || req->raised))
        result = APUS_ERESPONDED;
    return result;
}

/* Moves the clean-ups registered since `until` to those that run before the response. */
static void clean_up_early(apus_request *req, task_clean_up *until)
{
    task_clean_up **last = &req->task.clean_ups;
    if (*last == until)
        return;
    while (*last != until)
        last = &(*last)->next;
    *last = req->before_response;
    req->before_response = req->task.clean_ups;
    req->task.clean_ups = until;
}

static int run_dependency(apus_request *req, const dependant *d, const void *in, void **value)
{
    void *out = make(req, d->out);
    task_clean_up *until = req->task.clean_ups;
    int result = call(req, d->run, in, out);
    if (d->dependency->before_response)
        clean_up_early(req, until);
    *value = out;
    return result;
}

static void place(const dependency_use *use, void *in, void *value)
{
    if (!use->field)
        return;
    char *member = (char *)in + use->field->offset;
    if (use->field->shape == APUS_POINTER)
        memcpy(member, &value, sizeof value);
    else
        memcpy(member, value, use->dependant->out->size);
}

static int solve(apus_request *req, const dependant *d, void *in, bool *valid);

static int solve_use(apus_request *req, const dependency_use *use, void *in, bool *valid)
{
    const dependant *d = use->dependant;
    dependency_result *kept = &req->results[d->slot];
    void *value = kept->value;
    if (!value || d->dependency->no_cache) {
        void *own = make(req, d->in);
        bool own_valid = true;
        int result = solve(req, d, own, &own_valid);
        if (result < 0)
            return result;
        if (!own_valid) {
            *valid = false;
            return 0;
        }
        result = run_dependency(req, d, own, &value);
        if (result < 0)
            return result;
        kept->value = value;
    }
    place(use, in, value);
    return 0;
}

/* Sub-dependencies first, each whole; one whose parameters were refused is not called, but those after it are. */
static int solve(apus_request *req, const dependant *d, void *in, bool *valid)
{
    for (size_t i = 0; i < d->use_count; i++) {
        int result = solve_use(req, &d->uses[i], in, valid);
        if (result < 0)
            return result;
    }
    req->reading = true;
    if (d->parameter_count)
        *valid &= params_read(req, d, in);
    if (d->body_count)
        *valid &= body_read(req, d, in);
    req->reading = false;
    return 0;
}

static int refuse_memory(apus_request *req)
{
    response_error_body(req, 413, APUS_STR("{\"detail\":\"Content Too Large\"}"));
    return APUS_ERESPONDED;
}

static int run_handler(apus_request *req)
{
    const operation *op = req->operation;
    const dependant *root = &op->plan->root;
    bool valid = true;
    if (op->plan->slots)
        req->results = apus_alloc(req, op->plan->slots * sizeof *req->results);
    void *in = make(req, root->in);
    int result = solve(req, root, in, &valid);
    if (result < 0)
        return result;
    if (req->reader.out_of_memory)
        return refuse_memory(req);
    if (!valid)
        return APUS_EVALIDATION;
    void *out = make(req, root->out);
    result = call(req, root->run, in, out);
    return result < 0 ? result : response_result(req, op, out);
}

int operation_run(apus_request *req)
{
    if (req->body_too_large)
        return refuse_memory(req);
    req->reading = true;
    int result = body_decode(req);
    req->reading = false;
    return result < 0 ? result : run_handler(req);
}
