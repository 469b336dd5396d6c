#define _GNU_SOURCE /* memmem */
#include "assets.h"
#include "core/limits.h"
#include "openapi/document.h"
#include "openapi/openapi.h"
#include "openapi/pages.h"

#include <stdio.h>
#include <strings.h>
#include <zlib.h>

#define CDN "https://cdn.jsdelivr.net/npm"
#define PAGE_CEILING ((size_t)1 << 16)
#define URL_SIZE 512

/* What is served: made once before listening, then only read. */
static struct {
    buffer document, swagger, redoc;
    char redirect_url[URL_SIZE], assets_url[URL_SIZE];
} docs;

apus_str openapi_document(void)
{
    return buffer_str(&docs.document);
}

bool openapi_build(const router *r, char *error, size_t error_size)
{
    tree_maker m = {.failed = false};
    arena_init(&m.memory, NULL, LIMIT_ROUTER_MEMORY);
    tree *document = document_build(&m, r, error, error_size);
    buffer_free(&docs.document);
    buffer_init(&docs.document, NULL, 4096, LIMIT_RESPONSE_BODY);
    if (document)
        tree_write(&docs.document, document);
    bool built = document && !docs.document.failed;
    if (document && !built)
        snprintf(error, error_size, "the OpenAPI document is larger than %zu bytes", LIMIT_RESPONSE_BODY);
    arena_reset(&m.memory);
    return built;
}

static int serve_document(apus_request *req, const apus_none *, apus_none *)
{
    return http_bytes(req, 200, "application/json", buffer_str(&docs.document));
}

static int serve_swagger(apus_request *req, const apus_none *, apus_none *)
{
    return http_html(req, 200, buffer_str(&docs.swagger));
}

static int serve_redoc(apus_request *req, const apus_none *, apus_none *)
{
    return http_html(req, 200, buffer_str(&docs.redoc));
}

static int serve_redirect(apus_request *req, const apus_none *, apus_none *)
{
    return http_html(req, 200, page_oauth2_redirect);
}

struct docs_asset_in {
    apus_str name;
};
MODEL(docs_asset_in, PATH(name));

/* The page names files as the CDN does, `swagger-ui-dist@5/swagger-ui.css`: the last part is ours. */
static const struct apus_asset *find_asset(apus_str path)
{
    for (size_t i = 0; i < apus_assets_count; i++) {
        size_t len = strlen(apus_assets[i].name);
        if (path.len > len && path.ptr[path.len - len - 1] == '/' &&
            memcmp(path.ptr + path.len - len, apus_assets[i].name, len) == 0)
            return &apus_assets[i];
    }
    return NULL;
}

/* Whether Accept-Encoding (RFC 9110 section 12.5.3) takes gzip: named, and not with a weight of zero. */
static bool accepts_gzip(apus_request *req)
{
    apus_str header = http_request_header(req, "accept-encoding");
    for (size_t i = 0; i + 4 <= header.len; i++) {
        if (strncasecmp(header.ptr + i, "gzip", 4) != 0)
            continue;
        apus_str rest = {header.ptr + i + 4, header.len - i - 4};
        size_t end = 0;
        while (end < rest.len && rest.ptr[end] != ',')
            end++;
        const char *weight = memmem(rest.ptr, end, "q=0", 3);
        if (!weight)
            return true;
        size_t left = end - (size_t)(weight - rest.ptr) - 3;
        for (size_t k = 0; k < left; k++) {
            if (weight[3 + k] >= '1' && weight[3 + k] <= '9')
                return true;
        }
    }
    return false;
}

typedef struct unzip_job {
    const struct apus_asset *asset;
    unsigned char *out;
    size_t size;
} unzip_job;

static int unzip(void *arg)
{
    unzip_job *job = arg;
    z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)job->asset->data,
                       .avail_in = (uInt)job->asset->len,
                       .next_out = job->out,
                       .avail_out = (uInt)job->size};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return APUS_ENOMEM;
    int result = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return result == Z_STREAM_END && stream.total_out == job->size ? 0 : APUS_EIO;
}

/* For a client that does not read gzip, which no browser is. The last four bytes of gzip are its length (RFC 1952). */
static int serve_unzipped(apus_request *req, const struct apus_asset *asset)
{
    const unsigned char *tail = asset->data + asset->len - 4;
    unzip_job job = {.asset = asset,
                     .size = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24};
    job.out = apus_alloc(req, job.size);
    int result = apus_offload(req, unzip, &job);
    if (result < 0)
        return result;
    return http_bytes(req, 200, asset->type, (apus_str){(const char *)job.out, job.size});
}

static int serve_asset(apus_request *req, const struct docs_asset_in *in, apus_none *)
{
    const struct apus_asset *asset = find_asset(in->name);
    if (!asset)
        return http_error(req, 404, NULL);
    apus_str known = http_request_header(req, "if-none-match");
    http_header(req, "etag", apus_printf(req, "W/%s", asset->etag));
    http_header(req, "cache-control", APUS_STR("public, max-age=86400"));
    http_header(req, "vary", APUS_STR("accept-encoding"));
    if (known.len && memmem(known.ptr, known.len, asset->etag, strlen(asset->etag)))
        return http_bytes(req, 304, NULL, (apus_str){NULL, 0});
    if (!accepts_gzip(req))
        return serve_unzipped(req, asset);
    http_header(req, "content-encoding", APUS_STR("gzip"));
    return http_bytes(req, 200, asset->type, (apus_str){(const char *)asset->data, asset->len});
}

/* An address of the application's: the default when it is not given, NULL when it is turned off. */
static const char *url_of(const char *given, const char *fallback)
{
    const char *url = given ? given : fallback;
    return url[0] ? url : NULL;
}

static size_t trimmed(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    while (len && text[len - 1] == '/')
        len--;
    return len;
}

static void build_pages(const apus_app *app, const char *docs_url, const char *document_url, const char *script)
{
    char root[URL_SIZE], document[2 * URL_SIZE], redirect[2 * URL_SIZE], assets[2 * URL_SIZE];
    snprintf(root, sizeof root, "%.*s", (int)trimmed(app->root_path), app->root_path ? app->root_path : "");
    snprintf(document, sizeof document, "%s%s", root, document_url);
    snprintf(redirect, sizeof redirect, "%s%s", root, docs.redirect_url);
    snprintf(assets, sizeof assets, "%s%.*s/assets", root, (int)trimmed(docs_url), docs_url);
    page_urls urls = {app->title ? app->title : "FastAPI", document, redirect, apus_assets_count ? assets : CDN, script};
    buffer_free(&docs.swagger);
    buffer_free(&docs.redoc);
    buffer_init(&docs.swagger, NULL, 2048, PAGE_CEILING);
    buffer_init(&docs.redoc, NULL, 2048, PAGE_CEILING);
    page_swagger(&docs.swagger, &urls);
    page_redoc(&docs.redoc, &urls);
}

static apus_route rows[12];

/* A page answers HEAD as well as GET. */
static void add_page(size_t *count, const apus_route *page, const char *path)
{
    static const char *const methods[] = {"GET", "HEAD"};
    for (size_t i = 0; i < 2; i++) {
        rows[*count] = *page;
        rows[*count].method = methods[i];
        rows[*count].path = path;
        ++*count;
    }
}

const apus_routes *openapi_routes(const apus_app *app, const char *script)
{
    static const apus_route document = GET("", serve_document, apus_none, apus_none);
    static const apus_route swagger = GET("", serve_swagger, apus_none, apus_none);
    static const apus_route redirect = GET("", serve_redirect, apus_none, apus_none);
    static const apus_route redoc = GET("", serve_redoc, apus_none, apus_none);
    static const apus_route asset = GET("", serve_asset, docs_asset_in, apus_none);
    static apus_routes routes;
    const char *document_url = url_of(app->openapi_url, "/openapi.json");
    const char *swagger_url = url_of(app->docs_url, "/docs"), *redoc_url = url_of(app->redoc_url, "/redoc");
    size_t count = 0;
    routes = (apus_routes){rows, 0};
    if (!document_url)
        return &routes;
    const char *folder = swagger_url ? swagger_url : redoc_url ? redoc_url : "";
    snprintf(docs.redirect_url, sizeof docs.redirect_url, "%.*s/oauth2-redirect", (int)trimmed(folder), folder);
    snprintf(docs.assets_url, sizeof docs.assets_url, "%.*s/assets/{name:path}", (int)trimmed(folder), folder);
    build_pages(app, folder, document_url, script);
    add_page(&count, &document, document_url);
    if (swagger_url) {
        add_page(&count, &swagger, swagger_url);
        add_page(&count, &redirect, docs.redirect_url);
    }
    if (redoc_url)
        add_page(&count, &redoc, redoc_url);
    if (apus_assets_count && (swagger_url || redoc_url))
        add_page(&count, &asset, docs.assets_url);
    routes.count = count;
    return &routes;
}
