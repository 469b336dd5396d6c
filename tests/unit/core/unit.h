/* What every unit test includes. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buffer.h"

/** The buffer holds exactly this text. */
#define assert_buffer(b, text) assert_text(buffer_str(b), (text))
/** The slice is exactly this text. */
#define assert_text(slice, text)                              \
    do {                                                      \
        apus_str actual_ = (slice), expected_ = apus_cstr(text); \
        if (!apus_str_eq(actual_, expected_))                 \
            fail_msg("\"%.*s\" is not \"%s\"", (int)actual_.len, actual_.ptr, expected_.ptr); \
    } while (0)

#endif
