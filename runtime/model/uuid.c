/* UUIDs: RFC 9562 section 4, and the forms that Pydantic takes besides. */
#include "model/plan.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool group_end(size_t digits)
{
    return digits == 8 || digits == 12 || digits == 16 || digits == 20;
}

/* 32 digits, with hyphens in the usual places or without any. */
static bool parse_plain(apus_str text, bool hyphens, apus_uuid *out)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (hyphens && group_end(digits) && text.ptr[i] == '-' && text.ptr[i - 1] != '-')
            continue;
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0 || digits == 32)
            return false;
        if (digits % 2 == 0)
            out->bytes[digits / 2] = (uint8_t)(digit << 4);
        else
            out->bytes[digits / 2] = (uint8_t)(out->bytes[digits / 2] | digit);
        digits++;
    }
    return digits == 32;
}

static apus_str inside(apus_str text, size_t before, size_t after)
{
    return (apus_str){text.ptr + before, text.len - before - after};
}

bool model_parse_uuid(apus_str text, apus_uuid *out)
{
    if (text.len == 38 && text.ptr[0] == '{' && text.ptr[37] == '}')
        text = inside(text, 1, 1);
    else if (text.len == 45 && memcmp(text.ptr, "urn:uuid:", 9) == 0)
        text = inside(text, 9, 0);
    return (text.len == 36 && parse_plain(text, true, out)) || (text.len == 32 && parse_plain(text, false, out));
}

/* Of the last group Pydantic counts what stands around the digits too. */
static const refusal *refuse_groups(model_reader *r, apus_str text, bool simple, size_t around)
{
    static const size_t expected[5] = {8, 4, 4, 4, 12};
    size_t lengths[6] = {0}, hyphens = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '-')
            hyphens++;
        else
            lengths[hyphens < 5 ? hyphens : 5]++;
    }
    if (hyphens == 0 && simple)
        return refuse_because(r, REFUSED_UUID_PARSING, "invalid length: found %zu", text.len);
    if (hyphens != 4)
        return refuse_because(r, REFUSED_UUID_PARSING, "invalid group count: expected 5, found %zu", hyphens + 1);
    size_t group = 0;
    while (group < 4 && lengths[group] == expected[group])
        group++;
    return refuse_because(r, REFUSED_UUID_PARSING, "invalid group length in group %zu: expected %zu, found %zu", group,
                          expected[group], lengths[group] + (group == 4 ? around : 0));
}

static const refusal *refuse_character(model_reader *r, apus_str text, size_t at, size_t index)
{
    size_t end = at + 1;
    while (end < text.len && ((unsigned char)text.ptr[end] & 0xc0) == 0x80)
        end++;
    buffer b;
    buffer_init(&b, r->arena, 64, 128);
    buffer_append_str(&b, APUS_STR("invalid character: found `"));
    buffer_append(&b, text.ptr + at, end - at);
    buffer_printf(&b, "` at %zu", index);
    return refuse_with(r, REFUSED_UUID_PARSING, buffer_str(&b));
}

const refusal *uuid_refusal(model_reader *r, apus_str text)
{
    bool braced = text.len > 1 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}';
    bool urn = !braced && text.len >= 9 && memcmp(text.ptr, "urn:uuid:", 9) == 0;
    /* where the length is that of a UUID, the text is taken for one, and positions count from behind the prefix */
    bool bare = text.len == 36, full = bare || (braced && text.len == 38) || (urn && text.len == 45);
    size_t before = bare ? 0 : braced ? 1 : urn ? 9 : 0;
    apus_str digits = inside(text, before, braced && !bare);
    if (text.len > 45)
        return refuse_because(r, REFUSED_UUID_PARSING, "invalid length: found %zu", text.len);
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] != '-' && hex_digit(digits.ptr[i]) < 0)
            return refuse_character(r, digits, i, full ? i : i + before);
    return refuse_groups(r, digits, before == 0 && !bare, text.len - digits.len);
}

size_t model_format_uuid(const apus_uuid *uuid, char out[36])
{
    static const char hex[] = "0123456789abcdef";
    char *at = out;
    for (size_t i = 0; i < 16; i++) {
        if (group_end(i * 2))
            *at++ = '-';
        *at++ = hex[uuid->bytes[i] >> 4];
        *at++ = hex[uuid->bytes[i] & 15];
    }
    return 36;
}
