#include "http/head.h"

#include "core/scan.h"

/* The field names' and methods' characters (RFC 9110 section 5.6.2), in lower case; 0: not one of them. */
static const unsigned char token_lower[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*', ['+'] = '+',
    ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`', ['|'] = '|',   ['~'] = '~',
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5',   ['6'] = '6', ['7'] = '7',
    ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd',   ['e'] = 'e', ['f'] = 'f',
    ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l',   ['m'] = 'm', ['n'] = 'n',
    ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',   ['u'] = 'u', ['v'] = 'v',
    ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b',   ['C'] = 'c', ['D'] = 'd',
    ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',   ['K'] = 'k', ['L'] = 'l',
    ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',   ['S'] = 's', ['T'] = 't',
    ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

static const http_refusal refusals[] = {
#define REFUSAL_MAP(XX)                                                                                              \
    XX(BAD_METHOD, 400, "Invalid HTTP request: the method is not a token")                                           \
    XX(BAD_TARGET, 400, "Invalid HTTP request: the target is neither a path nor an http address")                    \
    XX(BAD_VERSION, 400, "Invalid HTTP request: the request line does not end with a version")                       \
    XX(OTHER_VERSION, 505, "HTTP version not supported: use HTTP/1.1")                                               \
    XX(BARE_LINE_FEED, 400, "Invalid HTTP request: a line ends without a carriage return")                           \
    XX(BAD_CHARACTER, 400, "Invalid HTTP request: a control character in the head")                                  \
    XX(BAD_NAME, 400, "Invalid HTTP request: a header's name is not a token")                                        \
    XX(FOLDED_LINE, 400, "Invalid HTTP request: a folded header line")                                               \
    XX(NO_HOST, 400, "Invalid HTTP request: no Host header")                                                         \
    XX(TWO_HOSTS, 400, "Invalid HTTP request: more than one Host header")                                            \
    XX(BAD_HOST, 400, "Invalid HTTP request: the Host header is not a host")                                         \
    XX(BAD_LENGTH, 400, "Invalid HTTP request: Content-Length is not a number")                                      \
    XX(TWO_LENGTHS, 400, "Invalid HTTP request: more than one Content-Length header")                                \
    XX(LENGTH_AND_CODING, 400, "Invalid HTTP request: both Content-Length and Transfer-Encoding")                    \
    XX(BAD_CODING, 400, "Invalid HTTP request: Transfer-Encoding is not chunked")                                    \
    XX(TWO_CODINGS, 400, "Invalid HTTP request: more than one Transfer-Encoding header")                             \
    XX(OLD_CODING, 400, "Invalid HTTP request: Transfer-Encoding in HTTP/1.0")                                       \
    XX(BAD_EXPECTATION, 417, "Expectation Failed: only 100-continue is known")                                       \
    XX(TOO_MANY, 431, "Request Header Fields Too Large: more than 100 headers")                                      \
    XX(TOO_LARGE, 431, "Request Header Fields Too Large: the head is larger than MAX_HEADER")
#define XX(name, status, text) {status, text},
    REFUSAL_MAP(XX)
#undef XX
};

enum {
#define XX(name, status, text) name,
    REFUSAL_MAP(XX)
#undef XX
    INCOMPLETE = -1,
    GOOD = -2,
};

/* Reading: a cursor that stops at the first thing that is wrong or missing. */
typedef struct reader {
    char *at, *end;
    int verdict; /* GOOD, INCOMPLETE or a refusal */
    bool seen_coding;
} reader;

static bool stop(reader *r, int verdict)
{
    r->verdict = verdict;
    return false;
}

/* Bytes below 0x20 + `above`, and DEL, as the high bits of their bytes; exact for the first of them. */
static uint64_t controls(uint64_t word, unsigned least)
{
    uint64_t del = word ^ SCAN_ONES * 0x7f;
    return ((word - SCAN_ONES * least) & ~word & SCAN_HIGHS) | ((del - SCAN_ONES) & ~del & SCAN_HIGHS);
}

/* The first byte that is below `least` or DEL. */
static char *find_control(char *p, const char *end, unsigned least)
{
    for (; end - p >= 8; p += 8) {
        uint64_t found = controls(scan_load(p), least);
        if (found)
            return p + (__builtin_ctzll(found) >> 3);
    }
    while (p < end && (unsigned char)*p >= least && *p != 0x7f)
        p++;
    return p;
}

/* CR LF at the cursor. */
static bool line_end(reader *r)
{
    if (r->end - r->at >= 2 && r->at[0] == '\r' && r->at[1] == '\n') {
        r->at += 2;
        return true;
    }
    if (r->at == r->end || (*r->at == '\r' && r->end - r->at == 1))
        return stop(r, INCOMPLETE);
    return stop(r, *r->at == '\n' ? BARE_LINE_FEED : BAD_CHARACTER);
}

static bool read_method(reader *r, http_head *head)
{
    char *start = r->at;
    while (r->at < r->end && token_lower[(unsigned char)*r->at])
        r->at++;
    if (r->at == r->end)
        return stop(r, INCOMPLETE);
    head->method = (apus_str){start, (size_t)(r->at - start)};
    if (*r->at != ' ' || head->method.len == 0)
        return stop(r, BAD_METHOD);
    r->at++;
    return true;
}

void head_split(http_head *head, apus_str target)
{
    const char *mark = memchr(target.ptr, '?', target.len);
    head->path = mark ? (apus_str){target.ptr, (size_t)(mark - target.ptr)} : target;
    head->query = mark ? (apus_str){mark + 1, target.len - head->path.len - 1} : (apus_str){target.ptr + target.len, 0};
}

static bool has_prefix(apus_str text, const char *prefix, size_t len)
{
    if (text.len < len)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((text.ptr[i] | ((unsigned char)(text.ptr[i] - 'A') < 26 ? 0x20 : 0)) != prefix[i])
            return false;
    return true;
}

/* What may stand in a host with a port (RFC 3986 section 3.2.2); nothing that could end it or begin a path. */
static const bool host_character[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true,
    ['%'] = true,         ['!'] = true,         ['$'] = true,         ['&'] = true, ['\''] = true, ['('] = true, [')'] = true,
    ['*'] = true,         ['+'] = true,         [','] = true,         [';'] = true, ['='] = true, [':'] = true, ['['] = true,
    [']'] = true,
};

static bool is_host(apus_str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!host_character[(unsigned char)host.ptr[i]])
            return false;
    return true;
}

/* Absolute form (RFC 9112 section 3.2.2): its host wins over the Host header. */
static bool read_absolute(reader *r, http_head *head)
{
    size_t scheme = has_prefix(head->target, "http://", 7) ? 7 : has_prefix(head->target, "https://", 8) ? 8 : 0;
    if (!scheme)
        return stop(r, BAD_TARGET);
    apus_str rest = {head->target.ptr + scheme, head->target.len - scheme};
    size_t length = 0;
    while (length < rest.len && rest.ptr[length] != '/' && rest.ptr[length] != '?')
        length++;
    head->authority = (apus_str){rest.ptr, length};
    if (length == 0 || !is_host(head->authority))
        return stop(r, BAD_TARGET);
    head_split(head, (apus_str){rest.ptr + length, rest.len - length});
    return true;
}

static bool read_target(reader *r, http_head *head)
{
    char *start = r->at;
    r->at = find_control(r->at, r->end, '!');
    if (r->at == r->end)
        return stop(r, INCOMPLETE);
    head->target = (apus_str){start, (size_t)(r->at - start)};
    head->authority = (apus_str){start, 0};
    if (*r->at != ' ')
        return stop(r, *r->at == '\r' || *r->at == '\n' ? BAD_VERSION : BAD_CHARACTER);
    r->at++;
    if (head->target.len && *start == '/') {
        head_split(head, head->target);
        return true;
    }
    if (apus_str_is(head->target, "*") && apus_str_is(head->method, "OPTIONS")) {
        head_split(head, head->target);
        return true;
    }
    return read_absolute(r, head);
}

static bool read_version(reader *r, http_head *head)
{
    static const char known[] = "HTTP/1.";
    if (r->end - r->at < 8)
        return stop(r, INCOMPLETE);
    if (memcmp(r->at, known, 5) != 0 || r->at[5] < '0' || r->at[5] > '9' || r->at[6] != '.' || r->at[7] < '0' || r->at[7] > '9')
        return stop(r, BAD_VERSION);
    if (r->at[5] != '1' || r->at[7] > '1')
        return stop(r, OTHER_VERSION);
    head->minor = r->at[7] - '0';
    r->at += 8;
    if (r->at < r->end && *r->at != '\r' && *r->at != '\n')
        return stop(r, BAD_VERSION);
    return line_end(r);
}

static bool note_length(reader *r, http_head *head, apus_str value)
{
    if (head->has_length)
        return stop(r, TWO_LENGTHS);
    size_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return stop(r, BAD_LENGTH);
        if (__builtin_mul_overflow(length, 10, &length) || __builtin_add_overflow(length, (size_t)(value.ptr[i] - '0'), &length))
            length = SIZE_MAX / 10; /* more than any limit; further digits keep it so */
    }
    if (value.len == 0)
        return stop(r, BAD_LENGTH);
    head->has_length = true;
    head->content_length = length;
    return true;
}

static bool note_coding(reader *r, http_head *head, apus_str value)
{
    if (r->seen_coding)
        return stop(r, TWO_CODINGS);
    r->seen_coding = true;
    head->chunked = value.len == 7 && has_prefix(value, "chunked", 7);
    return head->chunked || stop(r, BAD_CODING);
}

static bool note_host(reader *r, http_head *head, const http_field *field)
{
    if (head->host)
        return stop(r, TWO_HOSTS);
    head->host = field;
    return is_host(field->value) || stop(r, BAD_HOST);
}

/* The headers that the server itself looks at, told apart by their lengths first. */
static bool note_field(reader *r, http_head *head, const http_field *field)
{
#define IS(text) (memcmp(field->name.ptr, text, sizeof(text) - 1) == 0)
    switch (field->name.len) {
    case 4:
        return IS("host") ? note_host(r, head, field) : true;
    case 6:
        if (!IS("expect"))
            return true;
        head->expects_continue = field->value.len == 12 && has_prefix(field->value, "100-continue", 12);
        return head->expects_continue || stop(r, BAD_EXPECTATION);
    case 12:
        if (IS("x-request-id"))
            head->request_id = field;
        return true;
    case 14:
        return IS("content-length") ? note_length(r, head, field->value) : true;
    case 15:
        if (IS("x-forwarded-for"))
            head->forwarded_for = field;
        return true;
    case 17:
        if (IS("x-forwarded-proto"))
            head->forwarded_proto = field;
        return IS("transfer-encoding") ? note_coding(r, head, field->value) : true;
    default:
        return true;
    }
#undef IS
}

static bool read_name(reader *r, apus_str *name)
{
    char *start = r->at;
    unsigned char lower;
    for (; r->at < r->end && (lower = token_lower[(unsigned char)*r->at]); r->at++)
        *r->at = (char)lower;
    if (r->at == r->end)
        return stop(r, INCOMPLETE);
    if (*r->at != ':' || r->at == start)
        return stop(r, *start == ' ' || *start == '\t' ? FOLDED_LINE : BAD_NAME);
    *name = (apus_str){start, (size_t)(r->at - start)};
    r->at++;
    return true;
}

static bool read_value(reader *r, apus_str *value)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
        r->at++;
    char *start = r->at, *end;
    while ((end = find_control(r->at, r->end, ' ')) < r->end && *end == '\t')
        r->at = end + 1;
    r->at = end;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *value = (apus_str){start, (size_t)(end - start)};
    return line_end(r);
}

static bool read_fields(reader *r, http_head *head)
{
    while (r->at < r->end && *r->at != '\r' && *r->at != '\n') {
        if (head->count == LIMIT_HEADERS)
            return stop(r, TOO_MANY);
        http_field *field = &head->fields[head->count++];
        if (!read_name(r, &field->name) || !read_value(r, &field->value) || !note_field(r, head, field))
            return false;
    }
    return line_end(r);
}

static bool check_framing(reader *r, const http_head *head)
{
    if (!head->host && head->minor == 1)
        return stop(r, NO_HOST);
    if (head->chunked && head->has_length)
        return stop(r, LENGTH_AND_CODING);
    if (head->chunked && head->minor == 0)
        return stop(r, OLD_CODING);
    return true;
}

static bool read_all(reader *r, http_head *head)
{
    if (r->at < r->end && *r->at == '\r' && !line_end(r)) /* one empty line before a request is let pass (section 2.2) */
        return false;
    return read_method(r, head) && read_target(r, head) && read_version(r, head) && read_fields(r, head) &&
           check_framing(r, head);
}

head_status head_read(http_head *head, char *bytes, size_t size, size_t max, const http_refusal **refusal)
{
    reader r = {.at = bytes, .end = bytes + size, .verdict = GOOD};
    memset(head, 0, offsetof(http_head, fields));
    if (read_all(&r, head))
        head->length = (size_t)(r.at - bytes);
    if (r.verdict == INCOMPLETE && size <= max)
        return HEAD_INCOMPLETE;
    if (r.verdict == INCOMPLETE || head->length > max)
        r.verdict = TOO_LARGE;
    if (r.verdict == GOOD)
        return HEAD_COMPLETE;
    *refusal = &refusals[r.verdict];
    return HEAD_REFUSED;
}

bool head_has_end(const char *bytes, size_t size, size_t from)
{
    const char *end = bytes + size, *p = bytes + (from > 3 ? from - 3 : 0);
    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        p++;
        if (p < end && (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n')))
            return true;
    }
    return false;
}
