#include "openapi/pages.h"

static void add(buffer *b, const char *text)
{
    buffer_append(b, text, strlen(text));
}

void page_add_text(buffer *b, apus_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            add(b, "&amp;");
            break;
        case '<':
            add(b, "&lt;");
            break;
        case '>':
            add(b, "&gt;");
            break;
        case '"':
            add(b, "&quot;");
            break;
        default:
            buffer_append_char(b, text.ptr[i]);
        }
    }
}

static void add_html(buffer *b, const char *text)
{
    page_add_text(b, apus_cstr(text));
}

/* The inside of a script's string: nothing in it ends the string, or the script. */
static void add_script(buffer *b, const char *text)
{
    for (; *text; text++) {
        if (strchr("'\"\\<>&\n\r", *text))
            buffer_printf(b, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            buffer_append_char(b, *text);
    }
}

static void add_head(buffer *b, const page_urls *urls, const char *what)
{
    add(b, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    add_html(b, urls->title);
    add(b, what);
    add(b, "</title>\n<link rel=\"shortcut icon\" href=\"");
    add_html(b, urls->assets);
    add(b, "/swagger-ui-dist@5/favicon-32x32.png\">\n");
}

static void add_end(buffer *b, const page_urls *urls)
{
    if (urls->script) {
        add(b, "<script src=\"");
        add_html(b, urls->script);
        add(b, "\"></script>\n");
    }
    add(b, "</body>\n</html>\n");
}

void page_swagger(buffer *b, const page_urls *urls)
{
    add_head(b, urls, " - Swagger UI");
    add(b, "<link type=\"text/css\" rel=\"stylesheet\" href=\"");
    add_html(b, urls->assets);
    add(b, "/swagger-ui-dist@5/swagger-ui.css\">\n</head>\n<body>\n<div id=\"swagger-ui\"></div>\n<script src=\"");
    add_html(b, urls->assets);
    add(b, "/swagger-ui-dist@5/swagger-ui-bundle.js\"></script>\n<script>\nconst ui = SwaggerUIBundle({\n    url: '");
    add_script(b, urls->document);
    add(b, "',\n"
           "    \"dom_id\": \"#swagger-ui\",\n"
           "    \"layout\": \"BaseLayout\",\n"
           "    \"deepLinking\": true,\n"
           "    \"showExtensions\": true,\n"
           "    \"showCommonExtensions\": true,\n"
           "    oauth2RedirectUrl: window.location.origin + '");
    add_script(b, urls->redirect);
    add(b, "',\n    presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],\n"
           "})\n</script>\n");
    add_end(b, urls);
}

void page_redoc(buffer *b, const page_urls *urls)
{
    add_head(b, urls, " - ReDoc");
    add(b, "<style>\nbody { margin: 0; padding: 0; }\n</style>\n</head>\n<body>\n"
           "<noscript>ReDoc is a script: allow scripts on this page to read the documentation.</noscript>\n"
           "<redoc spec-url=\"");
    add_html(b, urls->document);
    add(b, "\"></redoc>\n<script src=\"");
    add_html(b, urls->assets);
    add(b, "/redoc@2/bundles/redoc.standalone.js\"></script>\n");
    add_end(b, urls);
}

static const char redirect_page[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>Swagger UI: OAuth2 Redirect</title>\n</head>\n<body>\n<script>\n"
    "'use strict';\n"
    "(function () {\n"
    "    const flow = window.opener.swaggerUIRedirectOauth2;\n"
    "    const auth = flow.auth;\n"
    "    const inHash = /code|token|error/.test(window.location.hash);\n"
    "    const text = inHash ? window.location.hash.slice(1).replace('?', '&') : window.location.search;\n"
    "    const answer = Object.fromEntries(new URLSearchParams(text));\n"
    "    const isValid = answer.state === flow.state;\n"
    "    const tell = (level, message) => flow.errCb({authId: auth.name, source: 'auth', level: level, message: message});\n"
    "    const wantsCode = ['accessCode', 'authorizationCode', 'authorization_code'].includes(auth.schema.get('flow'));\n"
    "    if (!wantsCode || auth.code) {\n"
    "        flow.callback({auth: auth, token: answer, isValid: isValid, redirectUrl: flow.redirectUrl});\n"
    "    } else {\n"
    "        if (!isValid)\n"
    "            tell('warning', 'The state that came back is not the one that was sent: this answer may be forged.');\n"
    "        if (answer.code) {\n"
    "            delete flow.state;\n"
    "            auth.code = answer.code;\n"
    "            flow.callback({auth: auth, redirectUrl: flow.redirectUrl});\n"
    "        } else {\n"
    "            const words = [answer.error, answer.error_description, answer.error_uri].filter(Boolean);\n"
    "            tell('error', words.join(': ') || 'The server sent no authorization code.');\n"
    "        }\n"
    "    }\n"
    "    window.close();\n"
    "})();\n"
    "</script>\n</body>\n</html>\n";
const apus_str page_oauth2_redirect = {redirect_page, sizeof redirect_page - 1};
