#define _GNU_SOURCE /* program_invocation_short_name */
#include "pg/url.h"

#include "core/memory.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_TIMEOUT 5.0
#define DEFAULT_PORT "5432"

static char *copy_text(const char *text, size_t length)
{
    char *copy = memory_alloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

/* asyncpg's `ssl` takes sslmode's values, and what people write for true and false. */
static const char *sslmode_of(const char *value, size_t length)
{
    static const char *const words[][2] = {
        {"true", "require"}, {"1", "require"}, {"yes", "require"}, {"on", "require"},
        {"false", "disable"}, {"0", "disable"}, {"no", "disable"}, {"off", "disable"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i][0]) == length && strncasecmp(words[i][0], value, length) == 0)
            return words[i][1];
    return NULL;
}

/* Parameters of SQLAlchemy's and asyncpg's own, which mean nothing to libpq. */
static bool is_foreign(const char *name, size_t length)
{
    static const char *const names[] = {
        "prepared_statement_cache_size", "prepared_statement_name_func", "statement_cache_size", "async_fallback",
        "command_timeout", "max_cached_statement_lifetime", "max_cacheable_statement_size", "server_settings",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    return false;
}

static char *append_text(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

/* One `name=value` of the query, as libpq takes it. */
static char *map_parameter(char *at, char separator, const char *parameter, size_t length)
{
    const char *equals = memchr(parameter, '=', length);
    size_t name = equals ? (size_t)(equals - parameter) : length;
    if (length == 0 || is_foreign(parameter, name))
        return at;
    *at++ = separator;
    if (!equals || name != 3 || memcmp(parameter, "ssl", 3) != 0)
        return append_text(at, parameter, length);
    const char *mode = sslmode_of(equals + 1, length - name - 1);
    at = append_text(at, "sslmode=", 8);
    return mode ? append_text(at, mode, strlen(mode)) : append_text(at, equals + 1, length - name - 1);
}

char *pg_url_for_libpq(const char *url)
{
    static const char scheme[] = "postgresql";
    size_t length = strlen(url);
    const char *colon = strstr(url, "://");
    bool ours = colon && strncmp(url, "postgres", 8) == 0 && memchr(url, ' ', (size_t)(colon - url)) == NULL;
    size_t name = ours ? strcspn(url, "+:") : 0;
    if (!ours || (name != 8 && (name != 10 || memcmp(url, scheme, 10) != 0)))
        return copy_text(url, length);
    /* `ssl` grows by four bytes, `true` by three; each parameter but the first has a separator of its own. */
    char *out = memory_alloc(length * 3 + 32), *at = out;
    if (!out)
        return NULL;
    const char *query = strchr(colon, '?');
    at = append_text(at, scheme, sizeof scheme - 1);
    at = append_text(at, colon, query ? (size_t)(query - colon) : strlen(colon));
    for (char separator = '?'; query;) {
        const char *parameter = query + 1, *end = strchr(parameter, '&');
        char *before = at;
        at = map_parameter(at, separator, parameter, end ? (size_t)(end - parameter) : strlen(parameter));
        separator = at > before ? '&' : separator;
        query = end;
    }
    *at = '\0';
    return out;
}

static bool add_parameter(pg_target *t, const char *keyword, const char *value)
{
    if (t->count == PG_PARAMETERS)
        return false;
    char *kept_keyword = copy_text(keyword, strlen(keyword)), *kept_value = copy_text(value, strlen(value));
    if (!kept_keyword || !kept_value) {
        memory_free(kept_keyword);
        memory_free(kept_value);
        return false;
    }
    t->keywords[t->count] = kept_keyword;
    t->values[t->count++] = kept_value;
    return true;
}

static const char *parameter(const pg_target *t, const char *keyword)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->keywords[i], keyword) == 0)
            return t->values[i];
    return NULL;
}

static bool add_default(pg_target *t, const char *keyword, const char *value)
{
    return parameter(t, keyword) || add_parameter(t, keyword, value);
}

static bool set_parameter(pg_target *t, const char *keyword, const char *value)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->keywords[i], keyword) == 0) {
            char *kept = copy_text(value, strlen(value));
            if (!kept)
                return false;
            memory_free((void *)(uintptr_t)t->values[i]);
            t->values[i] = kept;
            return true;
        }
    return add_parameter(t, keyword, value);
}

/* Where distributions keep the roots that they trust. */
static const char *system_roots(void)
{
    static const char *const files[] = {
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
    };
    const char *chosen = getenv("SSL_CERT_FILE");
    if (chosen && *chosen)
        return chosen;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (access(files[i], R_OK) == 0)
            return files[i];
    return files[0];
}

static bool add_defaults(pg_target *t, const pg_target_options *o)
{
    const char *mode = parameter(t, "sslmode"), *options = parameter(t, "options");
    bool verifies = mode && (strcmp(mode, "verify-ca") == 0 || strcmp(mode, "verify-full") == 0);
    bool added = add_default(t, "client_encoding", "UTF8") && add_default(t, "keepalives_idle", "30") &&
                 add_default(t, "keepalives_interval", "10") && add_default(t, "keepalives_count", "3") &&
                 add_default(t, "tcp_user_timeout", "10000") && add_default(t, "gssencmode", "disable") &&
                 add_default(t, "fallback_application_name", program_invocation_short_name) &&
                 (!verifies || add_default(t, "sslrootcert", system_roots()));
    if (!added || !o->session_settings || o->statement_timeout <= 0 || (options && strstr(options, "statement_timeout")))
        return added;
    char text[512];
    int n = snprintf(text, sizeof text, "%s%s-c statement_timeout=%.0f", options ? options : "", options ? " " : "",
                     o->statement_timeout * 1000 < 1 ? 1 : o->statement_timeout * 1000);
    return n > 0 && (size_t)n < sizeof text && set_parameter(t, "options", text);
}

/* The `index`-th part of a comma-separated list; a list of one part stands for all. NULL when it is empty. */
static char *list_part(const char *list, size_t index, bool *failed)
{
    if (!list || !*list)
        return NULL;
    if (!strchr(list, ','))
        index = 0;
    for (; index; index--) {
        list = strchr(list, ',');
        if (!list)
            return NULL;
        list++;
    }
    size_t length = strcspn(list, ",");
    char *part = length ? copy_text(list, length) : NULL;
    *failed |= length && !part;
    return part;
}

static size_t list_length(const char *list)
{
    size_t length = 1;
    for (; list && *list; list++)
        length += *list == ',';
    return length;
}

/* PGHOST, PGHOSTADDR and PGPORT as libpq would take them, for a URL that leaves them out. */
static bool split_hosts(pg_target *t, const char *names, const char *addresses, const char *ports)
{
    bool failed = false;
    names = names || addresses ? names : env_or("PGHOST", NULL);
    addresses = names || addresses ? addresses : env_or("PGHOSTADDR", NULL);
    ports = ports ? ports : env_or("PGPORT", DEFAULT_PORT);
    size_t by_name = list_length(names), by_address = list_length(addresses);
    t->host_count = by_name > by_address ? by_name : by_address;
    if (t->host_count > PG_HOSTS)
        return false;
    for (size_t i = 0; i < t->host_count; i++)
        t->hosts[i] = (pg_host){list_part(names, i, &failed), list_part(addresses, i, &failed), list_part(ports, i, &failed)};
    return !failed;
}

static bool take_options(pg_target *t, const PQconninfoOption *options)
{
    const char *names = NULL, *addresses = NULL, *ports = NULL;
    t->connect_timeout = CONNECT_TIMEOUT;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (!o->val)
            continue;
        if (strcmp(o->keyword, "host") == 0)
            names = o->val;
        else if (strcmp(o->keyword, "hostaddr") == 0)
            addresses = o->val;
        else if (strcmp(o->keyword, "port") == 0)
            ports = o->val;
        else if (strcmp(o->keyword, "connect_timeout") == 0)
            t->connect_timeout = strtod(o->val, NULL) > 0 ? strtod(o->val, NULL) : CONNECT_TIMEOUT;
        else if (!add_parameter(t, o->keyword, o->val))
            return false;
    }
    return split_hosts(t, names, addresses, ports);
}

/* libpq's words, where they cannot hold a part of the URL that is secret. */
static void explain(const char *variable, char *words, char *error, size_t size)
{
    static const char expected[] = "expected postgresql://user:password@host:port/database?sslmode=…";
    char *end = words ? strchr(words, '\n') : NULL;
    if (end)
        *end = '\0';
    bool safe = words && (strncmp(words, "invalid URI query parameter", 27) == 0 || strncmp(words, "invalid port", 12) == 0 ||
                          strncmp(words, "invalid connection option", 25) == 0);
    if (safe && !strchr(words, '@'))
        snprintf(error, size, "%s: %s; %s", variable, words, expected);
    else
        snprintf(error, size, "%s is not a connection URL: %s", variable, expected);
}

/* libpq looks at ports when it connects: too late for a line at the start. */
static bool ports_are_numbers(const pg_target *t)
{
    for (size_t i = 0; i < t->host_count; i++) {
        const char *port = t->hosts[i].port;
        size_t length = port ? strlen(port) : 0;
        if (length && (length > 5 || strspn(port, "0123456789") < length || atoi(port) < 1 || atoi(port) > 65535))
            return false;
    }
    return true;
}

/* libpq looks at these when it connects, too. */
static const struct choice {
    const char *keyword;
    const char *values[8];
} choices[] = {
    {"sslmode", {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
    {"target_session_attrs", {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}},
    {"channel_binding", {"disable", "prefer", "require"}},
    {"gssencmode", {"disable", "prefer", "require"}},
};

static bool is_choice(const struct choice *c, const char *value)
{
    for (size_t i = 0; c->values[i]; i++)
        if (strcmp(c->values[i], value) == 0)
            return true;
    return false;
}

static bool check_choices(const pg_target *t, const char *variable, char *error, size_t size)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const char *value = parameter(t, choices[i].keyword);
        if (!value || is_choice(&choices[i], value))
            continue;
        int length = snprintf(error, size, "%s: %s=%.40s is not known (expected", variable, choices[i].keyword, value);
        for (size_t v = 0; choices[i].values[v] && length > 0 && (size_t)length < size; v++)
            length += snprintf(error + length, size - (size_t)length, "%s %s", v ? "," : "", choices[i].values[v]);
        if (length > 0 && (size_t)length < size)
            snprintf(error + length, size - (size_t)length, ")");
        return false;
    }
    return true;
}

bool pg_target_parse(pg_target *target, const char *url, const pg_target_options *options, char *error, size_t error_size)
{
    memset(target, 0, sizeof *target);
    char *words = NULL, *form = pg_url_for_libpq(url);
    PQconninfoOption *parsed = form ? PQconninfoParse(form, &words) : NULL;
    memory_free(form);
    if (!parsed) {
        explain(options->variable, words, error, error_size);
        PQfreemem(words);
        return false;
    }
    bool taken = take_options(target, parsed) && add_defaults(target, options);
    PQconninfoFree(parsed);
    if (taken && !ports_are_numbers(target)) {
        snprintf(error, error_size, "%s has a port that is no number from 1 to 65535", options->variable);
        pg_target_free(target);
        return false;
    }
    if (!taken)
        snprintf(error, error_size, "%s has too many hosts (at most %d) or parameters", options->variable, PG_HOSTS);
    if (taken && check_choices(target, options->variable, error, error_size))
        return true;
    pg_target_free(target);
    return false;
}

static void free_text(const char *text)
{
    memory_free((void *)(uintptr_t)text);
}

void pg_target_free(pg_target *target)
{
    for (size_t i = 0; i < target->count; i++) {
        free_text(target->keywords[i]);
        free_text(target->values[i]);
    }
    for (size_t i = 0; i < target->host_count; i++) {
        free_text(target->hosts[i].name);
        free_text(target->hosts[i].address);
        free_text(target->hosts[i].port);
    }
    memset(target, 0, sizeof *target);
}
