#include "ops/dev_page.h"

#include "core/log.h"
#include "openapi/pages.h"

#include <time.h>

static const char style[] =
    ":root { color-scheme: light dark; --ground: #fbfbfa; --text: #1d2127; --faint: #6a727d; --line: #d9dce0; --block: #f1f2f0; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "    :root { --ground: #14171b; --text: #e4e6e9; --faint: #959ca6; --line: #31363d; --block: #1c2026; }\n"
    "}\n"
    "body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }\n"
    "main { max-width: 68rem; margin: 0 auto; padding: 3rem 1.5rem; }\n"
    "h1 { display: flex; align-items: center; gap: .7rem; margin: 0 0 .3rem; font-size: 1.5rem; line-height: 1.3; }\n"
    "h1::before { content: ''; flex: none; width: .8rem; height: .8rem; border-radius: 50%; background: #2e9e5b; }\n"
    ".building h1::before, .starting h1::before { background: #d39b1e; }\n"
    ".broken h1::before, .failed h1::before { background: #d3453b; }\n"
    "h2 { margin: 2rem 0 .5rem; font-size: .95rem; font-weight: 600; }\n"
    "p { margin: 0; color: var(--faint); }\n"
    "pre { margin: 0; padding: 1rem 1.2rem; overflow-x: auto; background: var(--block); border: 1px solid var(--line);\n"
    "      border-radius: 6px; font: 13px/1.55 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }\n"
    "footer { margin-top: 2.5rem; color: var(--faint); font-size: .85rem; }\n";

static void add(buffer *b, const char *text)
{
    buffer_append(b, text, strlen(text));
}

static void add_text(buffer *b, const char *text)
{
    page_add_text(b, apus_cstr(text));
}

static void add_block(buffer *b, const char *heading, apus_str text)
{
    if (!text.len)
        return;
    add(b, "<h2>");
    add_text(b, heading);
    add(b, "</h2>\n<pre>");
    page_add_text(b, text);
    add(b, "</pre>\n");
}

static void add_footer(buffer *b, const dev_view *view)
{
    char text[64];
    struct tm parts;
    time_t since = (time_t)view->since;
    add(b, "<footer>");
    add_text(b, view->title);
    if (since && localtime_r(&since, &parts) && strftime(text, sizeof text, "%H:%M:%S", &parts))
        buffer_printf(b, " &middot; version %d, serving since <time>%s</time>", view->serving, text);
    add(b, " &middot; this page follows by itself</footer>\n");
}

void dev_page_write(buffer *b, const dev_view *view)
{
    add(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    add_text(b, view->headline);
    add(b, " - ");
    add_text(b, view->title);
    add(b, "</title>\n<style>\n");
    add(b, style);
    buffer_printf(b, "</style>\n</head>\n<body class=\"%s\">\n<main>\n<h1>", view->state);
    add_text(b, view->headline);
    add(b, "</h1>\n<p>");
    add_text(b, view->explanation);
    add(b, "</p>\n");
    add_block(b, "What the build said", view->build);
    add_block(b, "What the server said", view->server);
    add_footer(b, view);
    add(b, "</main>\n<script src=\"");
    add_text(b, view->script);
    buffer_printf(b, "\" data-generation=\"%d\"></script>\n</body>\n</html>\n", view->generation);
}

static void add_member(buffer *b, const char *name, apus_str value)
{
    buffer_printf(b, ",\"%s\":\"", name);
    log_escape(b, value);
    buffer_append_char(b, '"');
}

void dev_state_write(buffer *b, const dev_view *view)
{
    buffer_printf(b, "{\"generation\":%d,\"serving\":%d,\"since\":%lld", view->generation, view->serving, (long long)view->since);
    add_member(b, "state", apus_cstr(view->state));
    add_member(b, "headline", apus_cstr(view->headline));
    add_member(b, "explanation", apus_cstr(view->explanation));
    add_member(b, "build", view->build);
    add_member(b, "server", view->server);
    buffer_append_char(b, '}');
}

static const char script[] =
    "(() => {\n"
    "    'use strict';\n"
    "    const self = document.currentScript;\n"
    "    const address = new URL('state', self.src);\n"
    "    const shown = self.dataset.generation;\n"
    "    let serving, overlay;\n"
    "\n"
    "    const part = (name, css, text) => {\n"
    "        const element = document.createElement(name);\n"
    "        element.style.cssText = css;\n"
    "        element.textContent = text;\n"
    "        return element;\n"
    "    };\n"
    "    const show = state => {\n"
    "        const text = [state.build, state.server].filter(Boolean).join('\\n\\n');\n"
    "        if (overlay)\n"
    "            overlay.remove();\n"
    "        overlay = null;\n"
    "        if (!text)\n"
    "            return;\n"
    "        overlay = part('div', 'position:fixed;inset:auto 1rem 1rem 1rem;z-index:2147483647;max-height:70vh;overflow:auto;'\n"
    "            + 'padding:1rem 1.25rem;border-radius:8px;background:#1c2026;color:#e4e6e9;border-top:4px solid #d3453b;'\n"
    "            + 'box-shadow:0 8px 32px rgba(0,0,0,.45);font:14px/1.5 system-ui,sans-serif;text-align:left', '');\n"
    "        overlay.setAttribute('role', 'alert');\n"
    "        overlay.append(\n"
    "            part('strong', 'display:block;font-size:1.05rem', state.headline),\n"
    "            part('span', 'color:#959ca6', state.explanation),\n"
    "            part('pre', 'margin:.75rem 0 0;padding:0;border:0;background:none;color:inherit;white-space:pre-wrap;'\n"
    "                + 'overflow-wrap:anywhere;font:13px/1.55 ui-monospace,monospace', text));\n"
    "        document.body.append(overlay);\n"
    "    };\n"
    "    let seen;\n"
    "    const look = async () => {\n"
    "        const answer = await fetch(address, {cache: 'no-store'});\n"
    "        const state = await answer.json();\n"
    "        if (shown !== undefined ? String(state.generation) !== shown : serving !== undefined && state.serving !== serving) {\n"
    "            location.reload();\n"
    "            return true;\n"
    "        }\n"
    "        serving = state.serving;\n"
    "        if (shown === undefined && state.generation !== seen)\n"
    "            show(state);\n"
    "        seen = state.generation;\n"
    "        return false;\n"
    "    };\n"
    "    const again = async () => {\n"
    "        const leaving = await look().catch(() => false);\n"
    "        if (!leaving)\n"
    "            setTimeout(again, document.hidden ? 2000 : 300);\n"
    "    };\n"
    "    again();\n"
    "})();\n";
const apus_str dev_script_text = {script, sizeof script - 1};

/* The end of an escape that begins at `at`: ESC [ … letter, ESC ] … BEL or ESC \, ESC and one more (ECMA-48 section 5). */
static size_t escape_end(apus_str text, size_t at)
{
    char kind = ++at < text.len ? text.ptr[at++] : 0;
    if (kind == '[') {
        while (at < text.len && !(text.ptr[at] >= 0x40 && text.ptr[at] <= 0x7e))
            at++;
        return at + (at < text.len);
    }
    if (kind != ']')
        return at;
    while (at < text.len && text.ptr[at] != '\a' && text.ptr[at] != '\033')
        at++;
    if (at < text.len && text.ptr[at] == '\033')
        at++;
    return at + (at < text.len);
}

void dev_plain(buffer *out, apus_str text)
{
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\033') {
            i = escape_end(text, i);
            continue;
        }
        if (c >= 0x20 || c == '\n' || c == '\t')
            buffer_append_char(out, (char)c);
        i++;
    }
}
