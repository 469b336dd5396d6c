/* Answers to recorded inputs: the JSON that FastAPI would send, or its `detail` array. */
#ifndef TESTS_MODEL_CASES_H
#define TESTS_MODEL_CASES_H

#include "model/rich.h"

/** Compiles what the cases need; once. */
void compile_rich(void);
/**
 * `target` is a body's model (rich, list, dict; written without its defaults), or a member of rich as a query parameter: then `text`
 * is a JSON array of texts.
 */
apus_str case_answer(arena *memory, const char *target, apus_str text);

#endif
