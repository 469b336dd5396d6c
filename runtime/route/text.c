#include "route/text.h"

#include "json/json.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

size_t text_unescape(apus_str text, bool plus, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int high, low;
        if (c == '%' && i + 2 < text.len && (high = hex_digit(text.ptr[i + 1])) >= 0 &&
            (low = hex_digit(text.ptr[i + 2])) >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    return n;
}

apus_str text_decode(apus_request *req, apus_str text, bool plus)
{
    bool changes = false;
    for (size_t i = 0; i < text.len && !changes; i++)
        changes = text.ptr[i] == '%' || (plus && text.ptr[i] == '+');
    if (changes) {
        char *out = apus_alloc(req, text.len);
        text = (apus_str){out, text_unescape(text, plus, out)};
    }
    return text_repair(req, text);
}

/*
 * The length of the sequence at the start: `*valid` tells whether it is a code point, or the longest start of one (at least
 * a byte), which stands for one U+FFFD. Bounds of second bytes: Unicode 15, table 3-7.
 */
static size_t sequence(const unsigned char *at, size_t left, bool *valid)
{
    static const struct {
        unsigned char first, last, low, high, length;
    } rows[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    *valid = false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (*at < rows[i].first || *at > rows[i].last)
            continue;
        size_t n = 1;
        if (n < rows[i].length && n < left && at[n] >= rows[i].low && at[n] <= rows[i].high) {
            n++;
            while (n < rows[i].length && n < left && (at[n] & 0xc0) == 0x80)
                n++;
        }
        *valid = n == rows[i].length;
        return n;
    }
    return 1;
}

apus_str text_repair(apus_request *req, apus_str text)
{
    if (json_utf8_valid(text))
        return text;
    char *out = apus_alloc(req, 3 * text.len), *at = out;
    for (size_t i = 0; i < text.len;) {
        bool valid;
        size_t n = sequence((const unsigned char *)text.ptr + i, text.len - i, &valid);
        if (valid) {
            memcpy(at, text.ptr + i, n);
            at += n;
        } else {
            memcpy(at, "\xef\xbf\xbd", 3);
            at += 3;
        }
        i += n;
    }
    return (apus_str){out, (size_t)(at - out)};
}

apus_str text_header(apus_request *req, apus_str value)
{
    if (json_utf8_valid(value))
        return value;
    char *out = apus_alloc(req, 2 * value.len), *at = out;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c >= 0x80)
            *at++ = (char)(0xc0 | c >> 6);
        *at++ = (char)(c < 0x80 ? c : (0x80 | (c & 0x3f)));
    }
    return (apus_str){out, (size_t)(at - out)};
}

static bool stays_in_url(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_.-~:/%#?=@[]!$&'()*+,;", c));
}

apus_str text_encode_url(apus_request *req, apus_str url)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = apus_alloc(req, 3 * url.len), *at = out;
    for (size_t i = 0; i < url.len; i++) {
        if (stays_in_url(url.ptr[i])) {
            *at++ = url.ptr[i];
            continue;
        }
        *at++ = '%';
        *at++ = digits[(unsigned char)url.ptr[i] >> 4];
        *at++ = digits[(unsigned char)url.ptr[i] & 15];
    }
    return (apus_str){out, (size_t)(at - out)};
}
