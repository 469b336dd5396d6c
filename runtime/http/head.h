/* The head of an HTTP/1 request, read strictly (RFC 9112): the framing guard. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "core/limits.h"
#include "route/request.h"

/** Why a request is refused: an answer that needs no request. */
typedef struct http_refusal {
    int status;
    const char *detail;
} http_refusal;

/** A head as it lies in the buffer that it was read from; names are made lower-case there. */
typedef struct http_head {
    size_t length;           /* the blank line included */
    apus_str method, target; /* target: as it came */
    apus_str path, query;    /* of the target; query without `?`; an empty path is `/` */
    apus_str authority;      /* of a target that is a whole address; else empty */
    int minor;               /* of the version 1.x: 0 or 1 */
    bool has_length, chunked, expects_continue;
    size_t content_length;
    const http_field *host, *forwarded_for, *forwarded_proto, *request_id; /* of `fields`, or NULL */
    size_t count;
    http_field fields[LIMIT_HEADERS];
} http_head;

typedef enum head_status { HEAD_COMPLETE, HEAD_INCOMPLETE, HEAD_REFUSED } head_status;

/** Reads the head that begins at `bytes`. Past `max` bytes without an end it is refused. */
head_status head_read(http_head *head, char *bytes, size_t size, size_t max, const http_refusal **refusal);

/** Whether a blank line ends somewhere after `from`: cheap enough to be asked for each byte of a head that drips in. */
bool head_has_end(const char *bytes, size_t size, size_t from);

/** Path and query of a target that begins with a slash or is `*`. */
void head_split(http_head *head, apus_str target);

/** Moves every slice of the head by as much as its bytes were moved. */
static inline void head_rebase(http_head *head, ptrdiff_t by)
{
    head->method.ptr += by;
    head->target.ptr += by;
    head->path.ptr += by;
    head->query.ptr += by;
    head->authority.ptr += by;
    for (size_t i = 0; i < head->count; i++) {
        head->fields[i].name.ptr += by;
        head->fields[i].value.ptr += by;
    }
}

#endif
