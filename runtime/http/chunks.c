/*
 * h2o's decoder takes `0x1` for the chunk size 0 and a bare line feed for the end of a line. A proxy in front may not, and what
 * each takes for the next request would differ: such bodies are refused before h2o sees them.
 */
#include "http/chunks.h"

#define SIZE_DIGITS_SHIFT 56 /* a size has at most 15 significant hex digits */
#define EXTRA_MOST ((size_t)8 * 1024)

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static chunk_place add_digit(chunk_check *check, char c)
{
    int value = hex_value(c);
    if (value < 0 || check->left >> SIZE_DIGITS_SHIFT)
        return CHUNK_BROKEN;
    check->left = check->left << 4 | (size_t)value;
    return CHUNK_DIGITS;
}

static chunk_place after_digits(chunk_check *check, char c)
{
    if (c == '\r')
        return CHUNK_SIZE_LF;
    if (c == ';' || c == ' ' || c == '\t')
        return CHUNK_EXTENSION;
    return add_digit(check, c);
}

/* Inside an extension or a trailer line: any text, until its CR. */
static chunk_place in_text(chunk_check *check, char c, chunk_place here, chunk_place after_cr)
{
    if (c == '\r')
        return after_cr;
    if ((unsigned char)c < ' ' && c != '\t')
        return CHUNK_BROKEN;
    return ++check->extra > EXTRA_MOST || c == 0x7f ? CHUNK_BROKEN : here;
}

static chunk_place expect(char c, char expected, chunk_place next)
{
    return c == expected ? next : CHUNK_BROKEN;
}

/* The one transition function; data is skipped elsewhere. */
static chunk_place step(chunk_check *check, char c)
{
    switch (check->place) {
    case CHUNK_FIRST_DIGIT:
        check->left = 0;
        return add_digit(check, c);
    case CHUNK_DIGITS:
        return after_digits(check, c);
    case CHUNK_EXTENSION:
        return in_text(check, c, CHUNK_EXTENSION, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        return expect(c, '\n', check->left ? CHUNK_DATA : CHUNK_TRAILER_START);
    case CHUNK_DATA_CR:
        return expect(c, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return expect(c, '\n', CHUNK_FIRST_DIGIT);
    case CHUNK_TRAILER_START:
        return c == '\r' ? CHUNK_LAST_LF : in_text(check, c, CHUNK_TRAILER, CHUNK_BROKEN);
    case CHUNK_TRAILER:
        return in_text(check, c, CHUNK_TRAILER, CHUNK_TRAILER_LF);
    case CHUNK_TRAILER_LF:
        return expect(c, '\n', CHUNK_TRAILER_START);
    case CHUNK_LAST_LF:
        return expect(c, '\n', CHUNK_END);
    default:
        return CHUNK_BROKEN;
    }
}

bool chunk_check_next(chunk_check *check, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && check->place != CHUNK_END && check->place != CHUNK_BROKEN;) {
        if (check->place != CHUNK_DATA) {
            check->place = step(check, bytes[i++]);
            continue;
        }
        size_t skipped = check->left < size - i ? check->left : size - i;
        check->left -= skipped;
        i += skipped;
        if (check->left == 0)
            check->place = CHUNK_DATA_CR;
    }
    return check->place != CHUNK_BROKEN;
}
