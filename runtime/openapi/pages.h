/* The docs pages' HTML. */
#ifndef OPENAPI_PAGES_H
#define OPENAPI_PAGES_H

#include "core/buffer.h"

/** Where things are: addresses as the browser needs them, ROOT_PATH included. */
typedef struct page_urls {
    const char *title;       /* of the application */
    const char *document;    /* /openapi.json */
    const char *redirect;    /* /docs/oauth2-redirect */
    const char *assets;      /* the folder of the scripts and styles: ours, or the CDN's */
    const char *script;      /* one more script, or NULL */
} page_urls;

/** Text inside of HTML. */
void page_add_text(buffer *b, apus_str text);
void page_swagger(buffer *b, const page_urls *urls);
void page_redoc(buffer *b, const page_urls *urls);
/** What an OAuth2 provider sends the browser back to: it hands the answer to the docs page that opened it. */
extern const apus_str page_oauth2_redirect;

#endif
