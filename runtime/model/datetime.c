/* Date-times in text: RFC 3339 and what Pydantic takes besides; and as numbers of seconds. */
#include "model/plan.h"

#include <math.h>

#define MICROS 1000000
#define DAY_SECONDS 86400
#define FIRST_SECOND (-62135596800)  /* 0001-01-01T00:00:00Z */
#define LAST_SECOND 253402300799     /* 9999-12-31T23:59:59Z */
#define YEAR_ZERO_SECOND (-62167219200)
#define MILLISECONDS_PAST 20000000000 /* numbers beyond are milliseconds */

static const char too_late[] = "dates after 9999 are not supported as unix timestamps";
static const char too_early[] = "dates before 0000 are not supported as unix timestamps";
static const char no_year[] = "year 0 is out of range";

/* Days since 1970-01-01 of the proleptic Gregorian calendar; months count from March, so that leap days end a year. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Two digits, or -1. */
static int two(const char *at)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return -1;
    return (at[0] - '0') * 10 + at[1] - '0';
}

typedef struct date {
    int year, month, day;
} date;

/* The date at the text's start; NULL or why not. */
static const char *date_at(apus_str text, date *out)
{
    const char *at = text.ptr;
    if (text.len < 10)
        return "input is too short";
    int century = two(at), year = two(at + 2), month = two(at + 5), day = two(at + 8);
    if (century < 0 || year < 0)
        return "invalid character in year";
    if (at[4] != '-')
        return "invalid date separator, expected `-`";
    if (month < 0)
        return "invalid character in month";
    if (at[7] != '-')
        return "invalid date separator, expected `-`";
    if (day < 0)
        return "invalid character in day";
    *out = (date){century * 100 + year, month, day};
    if (month < 1 || month > 12)
        return "month value is outside expected range of 1-12";
    if (day < 1 || day > days_in_month(out->year, month))
        return "day value is outside expected range";
    return NULL;
}

/* `.5`, `,5`: any number of digits, of which six count. -1 when there is none. */
static int64_t fraction_at(const char **at, const char *end)
{
    int64_t micros = 0, unit = MICROS / 10;
    const char *start = ++*at;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at, unit /= 10)
        micros += (**at - '0') * unit;
    return *at > start ? micros : -1;
}

/* `HH:MM[:SS[.f]]`; micros of the day, or -1. */
static int64_t time_at(const char **at, const char *end)
{
    if (end - *at < 5 || (*at)[2] != ':')
        return -1;
    int hour = two(*at), minute = two(*at + 3), second = 0;
    int64_t micros = 0;
    *at += 5;
    if (*at < end && **at == ':') {
        if (end - *at < 3 || (second = two(*at + 1)) < 0)
            return -1;
        *at += 3;
        if (*at < end && (**at == '.' || **at == ','))
            micros = fraction_at(at, end);
    }
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second > 59 || micros < 0)
        return -1;
    return (hour * 3600 + minute * 60 + second) * (int64_t)MICROS + micros;
}

/* What follows the time: nothing, `Z`, `±HH:MM` or `±HHMM`. */
static bool offset_at(const char *at, const char *end, int32_t *offset)
{
    *offset = APUS_NAIVE;
    if (at == end)
        return true;
    *offset = 0;
    if (*at == 'Z' || *at == 'z')
        return at + 1 == end;
    bool minus = *at == '-';
    size_t sign = 1;
    if (end - at > 3 && memcmp(at, "\xe2\x88\x92", 3) == 0) { /* U+2212, the minus sign: RFC 3339's own text has it */
        minus = true;
        sign = 3;
    } else if (!minus && *at != '+') {
        return false;
    }
    at += sign;
    bool colon = end - at == 5 && at[2] == ':';
    if (!colon && end - at != 4)
        return false;
    int hours = two(at), minutes = two(at + 2 + colon);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *offset = (minus ? -60 : 60) * (hours * 60 + minutes);
    return true;
}

/* 1: a date-time or a date; 0: none; -1: one of the year 0. */
static int parse(apus_str text, apus_datetime *out)
{
    date day;
    if (date_at(text, &day))
        return 0;
    const char *at = text.ptr + 10, *end = text.ptr + text.len;
    int64_t time = 0;
    int32_t offset = APUS_NAIVE;
    if (at < end) {
        if (*at != 'T' && *at != 't' && *at != ' ' && *at != '_')
            return 0;
        at++;
        time = time_at(&at, end);
        if (time < 0 || !offset_at(at, end, &offset))
            return 0;
    }
    if (day.year == 0)
        return -1;
    int64_t seconds = days_from_civil(day.year, day.month, day.day) * DAY_SECONDS;
    out->micros = (seconds - (offset == APUS_NAIVE ? 0 : offset)) * MICROS + time;
    out->offset = offset;
    return 1;
}

bool model_parse_datetime(apus_str text, apus_datetime *out)
{
    return parse(text, out) == 1;
}

/* The reason why a number of seconds is no date-time, or NULL. */
static const char *from_seconds(int64_t seconds, int64_t micros, apus_datetime *out)
{
    if (seconds > LAST_SECOND)
        return too_late;
    if (seconds < YEAR_ZERO_SECOND)
        return too_early;
    if (seconds < FIRST_SECOND)
        return no_year;
    *out = (apus_datetime){seconds * MICROS + micros, 0};
    return NULL;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

static const char *from_int(int64_t value, apus_datetime *out)
{
    if (value <= MILLISECONDS_PAST && value >= -MILLISECONDS_PAST)
        return from_seconds(value, 0, out);
    int64_t rest = value % 1000;
    return from_seconds(floor_div(value, 1000), (rest < 0 ? rest + 1000 : rest) * 1000, out);
}

static const char *from_double(double value, apus_datetime *out)
{
    if (isnan(value))
        return "NaN values not permitted";
    bool milliseconds = fabs(value) > (double)MILLISECONDS_PAST;
    int64_t units = milliseconds ? 1000 : 1;
    double whole = floor(value);
    if (whole >= (double)(LAST_SECOND + 1) * (double)units)
        return too_late;
    if (whole < (double)YEAR_ZERO_SECOND * (double)units)
        return too_early;
    int64_t seconds = floor_div((int64_t)whole, units);
    int64_t each = MICROS / units, rest = (int64_t)whole - seconds * units;
    int64_t micros = rest * each + (int64_t)round((value - whole) * (double)each);
    return from_seconds(seconds + micros / MICROS, micros % MICROS, out);
}

/* `1704164645`, `-1.5`, `.5`, `1.5e3`: no space, no underscore. 1, 0 for none, or -1 with a reason; a fraction has one only for year 0. */
static int parse_number(apus_str text, apus_datetime *out, const char **reason)
{
    int64_t integer;
    double number;
    size_t sign = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'), at = sign;
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    if (at == text.len && at > sign && model_parse_int(text, &integer))
        *reason = from_int(integer, out);
    else if (at < text.len && text.ptr[at] == '.' && double_from_decimal(text, &number))
        *reason = from_double(number, out);
    else
        return 0;
    if (*reason && at < text.len && *reason != no_year)
        return 0;
    return *reason ? -1 : 1;
}

static const refusal *because(model_reader *r, const char *reason)
{
    return reason ? refuse_because(r, REFUSED_DATETIME_PARSING, "%s", reason) : NULL;
}

/* What is no date-time is tried as a date, and Pydantic's reason is the date's. */
const refusal *datetime_from_text(model_reader *r, apus_str text, apus_datetime *out)
{
    int parsed = parse(text, out);
    if (parsed > 0)
        return NULL;
    if (parsed < 0)
        return because(r, no_year);
    const char *reason = NULL;
    parsed = parse_number(text, out, &reason);
    if (parsed > 0)
        return NULL;
    if (parsed < 0 && reason == no_year)
        return because(r, no_year);
    if (parsed == 0) {
        date day;
        reason = date_at(text, &day);
    }
    if (!reason)
        reason = "unexpected extra characters at the end of the input";
    return refuse_because(r, REFUSED_DATETIME_FROM_DATE, "%s", reason);
}

const refusal *datetime_from_int(model_reader *r, int64_t seconds, apus_datetime *out)
{
    return because(r, from_int(seconds, out));
}

const refusal *datetime_from_double(model_reader *r, double seconds, apus_datetime *out)
{
    return because(r, from_double(seconds, out));
}

static int64_t wall_clock(const apus_datetime *when)
{
    int64_t wall = when->micros, shift = when->offset == APUS_NAIVE ? 0 : (int64_t)when->offset * MICROS;
    return __builtin_add_overflow(wall, shift, &wall) ? when->micros : wall;
}

bool model_datetime_in_range(const apus_datetime *when)
{
    int64_t wall = wall_clock(when);
    bool offset = when->offset == APUS_NAIVE || (when->offset > -DAY_SECONDS && when->offset < DAY_SECONDS);
    return offset && wall >= FIRST_SECOND * MICROS && wall < (LAST_SECOND + 1) * MICROS;
}

static char *put_two(char *at, int value)
{
    at[0] = (char)('0' + value / 10 % 10);
    at[1] = (char)('0' + value % 10);
    return at + 2;
}

static size_t format_offset(int32_t offset, json_style style, char *out)
{
    if (offset == APUS_NAIVE)
        return 0;
    if (offset == 0 && style == JSON_PYDANTIC) {
        *out = 'Z';
        return 1;
    }
    int minutes = offset / 60 * (offset < 0 ? -1 : 1);
    *out = offset < 0 ? '-' : '+';
    char *at = put_two(out + 1, minutes / 60);
    *at++ = ':';
    return (size_t)(put_two(at, minutes % 60) - out);
}

size_t model_format_datetime(const apus_datetime *when, json_style style, char out[40])
{
    int64_t wall = wall_clock(when), days = floor_div(wall, (int64_t)DAY_SECONDS * MICROS);
    int64_t of_day = wall - days * DAY_SECONDS * MICROS;
    int year, month, day, seconds = (int)(of_day / MICROS), micros = (int)(of_day % MICROS);
    civil_from_days(days, &year, &month, &day);
    char *at = put_two(put_two(out, year / 100), year % 100);
    *at++ = '-';
    at = put_two(at, month);
    *at++ = '-';
    at = put_two(at, day);
    *at++ = 'T';
    at = put_two(at, seconds / 3600);
    *at++ = ':';
    at = put_two(at, seconds / 60 % 60);
    *at++ = ':';
    at = put_two(at, seconds % 60);
    if (micros) {
        *at++ = '.';
        at = put_two(put_two(put_two(at, micros / 10000), micros / 100), micros);
    }
    return (size_t)(at - out) + format_offset(when->offset, style, at);
}
