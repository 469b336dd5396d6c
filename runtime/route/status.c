#include "route/status.h"

static const struct {
    int status;
    apus_str phrase;
} phrases[] = {
#define XX(status, phrase) {status, {phrase, sizeof phrase - 1}},
    XX(200, "OK")
    XX(404, "Not Found")
    XX(405, "Method Not Allowed")
    XX(100, "Continue")
    XX(101, "Switching Protocols")
    XX(102, "Processing")
    XX(103, "Early Hints")
    XX(201, "Created")
    XX(202, "Accepted")
    XX(203, "Non-Authoritative Information")
    XX(204, "No Content")
    XX(205, "Reset Content")
    XX(206, "Partial Content")
    XX(207, "Multi-Status")
    XX(208, "Already Reported")
    XX(226, "IM Used")
    XX(300, "Multiple Choices")
    XX(301, "Moved Permanently")
    XX(302, "Found")
    XX(303, "See Other")
    XX(304, "Not Modified")
    XX(305, "Use Proxy")
    XX(307, "Temporary Redirect")
    XX(308, "Permanent Redirect")
    XX(400, "Bad Request")
    XX(401, "Unauthorized")
    XX(402, "Payment Required")
    XX(403, "Forbidden")
    XX(406, "Not Acceptable")
    XX(407, "Proxy Authentication Required")
    XX(408, "Request Timeout")
    XX(409, "Conflict")
    XX(410, "Gone")
    XX(411, "Length Required")
    XX(412, "Precondition Failed")
    XX(413, "Content Too Large")
    XX(414, "URI Too Long")
    XX(415, "Unsupported Media Type")
    XX(416, "Range Not Satisfiable")
    XX(417, "Expectation Failed")
    XX(418, "I'm a Teapot")
    XX(421, "Misdirected Request")
    XX(422, "Unprocessable Content")
    XX(423, "Locked")
    XX(424, "Failed Dependency")
    XX(425, "Too Early")
    XX(426, "Upgrade Required")
    XX(428, "Precondition Required")
    XX(429, "Too Many Requests")
    XX(431, "Request Header Fields Too Large")
    XX(451, "Unavailable For Legal Reasons")
    XX(500, "Internal Server Error")
    XX(501, "Not Implemented")
    XX(502, "Bad Gateway")
    XX(503, "Service Unavailable")
    XX(504, "Gateway Timeout")
    XX(505, "HTTP Version Not Supported")
    XX(506, "Variant Also Negotiates")
    XX(507, "Insufficient Storage")
    XX(508, "Loop Detected")
    XX(510, "Not Extended")
    XX(511, "Network Authentication Required")
#undef XX
};

apus_str status_phrase(int status)
{
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return APUS_STR("Unknown");
}

bool status_is_final(int status)
{
    return status >= 200 && status <= 599;
}

bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 205 && status != 304;
}

int status_of_code(int code, apus_str *text)
{
    switch (code) {
#define XX(name, value, status, words) \
    case name:                         \
        *text = APUS_STR(words);       \
        return status;
        APUS_ERROR_MAP(XX)
#undef XX
    default:
        *text = status_phrase(500);
        return 500;
    }
}
