/* The framing of a body in chunks (RFC 9112 section 7.1), checked as strictly as the head. */
#ifndef HTTP_CHUNKS_H
#define HTTP_CHUNKS_H

#include "apus_core.h"

typedef enum chunk_place {
    CHUNK_FIRST_DIGIT,
    CHUNK_DIGITS,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
    CHUNK_END,
    CHUNK_BROKEN,
} chunk_place;

/** Where in the framing a body is. Zeroed, it is at the beginning. */
typedef struct chunk_check {
    chunk_place place;
    size_t left;  /* of the chunk's data */
    size_t extra; /* bytes of extensions and trailers so far */
} chunk_check;

/** Goes on with the body's next bytes, up to its end. false when the framing is broken. */
bool chunk_check_next(chunk_check *check, const char *bytes, size_t size);

#endif
