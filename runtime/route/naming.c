#include "route/naming.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Letters beyond ASCII stay as they are. */
static bool is_other_letter(char c)
{
    return (unsigned char)c >= 0x80;
}

char *naming_title(arena *memory, apus_str name)
{
    char *title = arena_alloc(memory, name.len + 1);
    if (!title)
        return NULL;
    bool inside = false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (is_lower(c) && !inside)
            title[i] = (char)(c - 'a' + 'A');
        else if (is_upper(c) && inside)
            title[i] = (char)(c - 'A' + 'a');
        else
            title[i] = (char)(c == '_' ? ' ' : c);
        inside = is_lower(c) || is_upper(c) || is_other_letter(c);
    }
    title[name.len] = '\0';
    return title;
}

static char *add_word(char *at, const char *text)
{
    for (; *text; text++)
        *at++ = (char)(is_lower(*text) || is_upper(*text) || is_other_letter(*text) || (*text >= '0' && *text <= '9') ? *text : '_');
    return at;
}

char *naming_operation_id(arena *memory, const char *function, const char *path, const char *method)
{
    char *id = arena_alloc(memory, strlen(function) + strlen(path) + strlen(method) + 2);
    if (!id)
        return NULL;
    char *at = add_word(add_word(id, function), path);
    *at++ = '_';
    for (; *method; method++)
        *at++ = (char)(is_upper(*method) ? *method - 'A' + 'a' : *method);
    *at = '\0';
    return id;
}
