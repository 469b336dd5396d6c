/* Rows into structs, and parameters into SQL, with a real Postgres. */
#include "fixture.h"

#include <math.h>

enum colour { RED, GREEN };
ENUM_TYPE(colour, "Colour", VALUE(RED, "red"), VALUE(GREEN, "green"));

struct tag {
    apus_str name;
};
MODEL(tag, FIELD(name));

struct wide {
    int64_t small, middle, big;
    double real4, real8, exact;
    bool flag;
    apus_str words, fixed, name_type;
    apus_uuid uuid;
    apus_datetime at, naive, day;
    apus_json json, jsonb;
    enum colour colour;
    LISTOF(int64_t) numbers;
    LISTOF(apus_str) texts;
    LISTOF(struct tag) tags;
    int64_t without_column;
};
MODEL(wide, FIELD(small), FIELD(middle), FIELD(big), FIELD(real4), FIELD(real8), FIELD(exact), FIELD(flag), FIELD(words),
      FIELD(fixed), FIELD(name_type), FIELD(uuid), FIELD(at), FIELD(naive), FIELD(day), FIELD(json), FIELD(jsonb),
      ENUM(colour, colour), LIST(numbers, int64_t), LIST(texts, apus_str), LIST(tags, tag),
      FIELD(without_column, .fallback = 7));

#define WIDE                                                                                                              \
    "select (-2)::int2 as small, 3::int4 as middle, 9007199254740993::int8 as big, 0.1::float4 as real4, 0.1::float8 as real8," \
    " 12.50::numeric as exact, true as flag, 'w\u00f6rds'::text as words, 'ab'::char(3) as fixed, 'n'::name as name_type,"      \
    " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as uuid, '2024-01-02 03:04:05.123456+02'::timestamptz as at,"               \
    " '2024-01-02 03:04:05'::timestamp as naive, '2024-01-02'::date as day, '{\"a\": 1}'::json as json,"                       \
    " '[1, 2]'::jsonb as jsonb, 'green'::text as colour, '{1,2,3}'::int[] as numbers, '{a,\"b c\"}'::text[] as texts,"         \
    " '[{\"name\": \"x\"}, {\"name\": \"y\"}]'::jsonb as tags, 'nobody wants this' as unknown_column"

static void check_wide(const struct wide *w)
{
    assert_int_equal(w->small, -2);
    assert_int_equal(w->middle, 3);
    assert_int_equal(w->big, 9007199254740993);
    assert_true(w->real4 == 0.1 && w->real8 == 0.1 && w->exact == 12.5);
    assert_true(w->flag);
    assert_true(apus_str_is(w->words, "w\u00f6rds"));
    assert_true(apus_str_is(w->fixed, "ab "));
    assert_true(apus_str_is(w->name_type, "n"));
    assert_int_equal(w->uuid.bytes[0], 0xa0);
    assert_int_equal(w->uuid.bytes[15], 0x11);
    assert_int_equal(w->at.micros, 1704157445123456);
    assert_int_equal(w->at.offset, 0);
    assert_int_equal(w->naive.micros, 1704164645000000);
    assert_int_equal(w->naive.offset, APUS_NAIVE);
    assert_int_equal(w->day.micros, 1704153600000000);
    assert_true(apus_str_is(w->json.text, "{\"a\": 1}"));
    assert_true(apus_str_is(w->jsonb.text, "[1, 2]"));
    assert_int_equal(w->colour, GREEN);
    assert_int_equal(w->numbers.len, 3);
    assert_int_equal(w->numbers.items[2], 3);
    assert_int_equal(w->texts.len, 2);
    assert_true(apus_str_is(w->texts.items[1], "b c"));
    assert_int_equal(w->tags.len, 2);
    assert_true(apus_str_is(w->tags.items[1].name, "y"));
    assert_int_equal(w->without_column, 7);
}

static void read_wide(test_task *t)
{
    for (int i = 0; i < 3; i++) {
        struct wide w;
        memset(&w, 0xff, sizeof w);
        int found = pg_one(&t->task, wide_model, &w, WIDE, PG_NONE);
        if (found != 1)
            fail_msg("%s", apus_error(&t->task));
        check_wide(&w);
    }
}

static void test_columns_of_every_common_type_become_members(void **state)
{
    (void)state;
    test_one(read_wide, NULL);
}

struct binary {
    int64_t small, middle, big;
    double real8;
    bool flag;
    apus_str words;
    apus_uuid uuid;
    apus_datetime at, naive, day;
    apus_json json, jsonb;
    apus_opt_int none;
    apus_opt_enum colour;
};
MODEL(binary, FIELD(small), FIELD(middle), FIELD(big), FIELD(real8), FIELD(flag), FIELD(words), FIELD(uuid), FIELD(at), FIELD(naive),
      FIELD(day), FIELD(json), FIELD(jsonb), FIELD(none), ENUM(colour, colour));

/* The first run on a connection is in text, those after it are in binary. */
static void read_binary(test_task *t)
{
    struct binary first, again;
    static const char sql[] =
        "select (-2)::int2 as small, (-3)::int4 as middle, (-4)::int8 as big, -0.1::float8 as real8, false as flag, ''::text as words,"
        " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as uuid, '1969-12-31 23:59:59.5+00'::timestamptz as at,"
        " '0001-01-01 00:00:00'::timestamp as naive, '9999-12-31'::date as day, '{}'::json as json, '[1, 2]'::jsonb as jsonb,"
        " null::int as none, 'red'::text as colour";
    assert_int_equal(pg_one(&t->task, binary_model, &first, sql, PG_NONE), 1);
    assert_int_equal(pg_one(&t->task, binary_model, &again, sql, PG_NONE), 1);
    assert_true(test_pool->texts.newest->plans && row_plan_binary(test_pool->texts.newest->plans, binary_model()));
    assert_int_equal(first.at.micros, -500000);
    assert_int_equal(first.naive.micros, -62135596800000000);
    const struct binary *both[] = {&first, &again};
    for (int i = 0; i < 2; i++) {
        const struct binary *b = both[i];
        assert_true(b->small == -2 && b->middle == -3 && b->big == -4 && b->real8 == -0.1 && !b->flag);
        assert_int_equal(b->at.micros, first.at.micros);
        assert_int_equal(b->at.offset, first.at.offset);
        assert_int_equal(b->naive.micros, first.naive.micros);
        assert_int_equal(b->day.micros, first.day.micros);
        assert_non_null(b->words.ptr);
        assert_int_equal(b->words.len, 0);
        assert_true(apus_str_is(b->jsonb.text, "[1, 2]"));
        assert_int_equal(b->none.is, APUS_NULL);
        assert_int_equal(b->colour.is, APUS_SET);
        assert_int_equal(b->colour.value, RED);
    }
}

static void test_binary_and_text_results_are_the_same(void **state)
{
    (void)state;
    test_one(read_binary, NULL);
}

struct plain {
    int64_t number;
};
MODEL(plain, FIELD(number));

static void expect_row_error(apus_task *task, const char *sql, const char *words)
{
    struct plain p;
    int code = pg_one(task, plain_model, &p, sql, PG_NONE);
    if (code != APUS_EROW || !strstr(apus_error(task), words) || !strstr(apus_error(task), "number"))
        fail_msg("%s: %d, %s", sql, code, apus_error(task));
    assert_int_equal(task->failure, APUS_EROW);
}

static void misfits(test_task *t)
{
    expect_row_error(&t->task, "select null::int as number", "null");
    expect_row_error(&t->task, "select 1e30::numeric as number", "fit");
    expect_row_error(&t->task, "select 1.5::float8 as number", "fit");
    expect_row_error(&t->task, "select 'x'::text as number", "fit");
    expect_row_error(&t->task, "select now() as number", "int64_t");
    struct plain p;
    assert_int_equal(pg_one(&t->task, plain_model, &p, "select sum(i) as number from generate_series(1, 3) i", PG_NONE), 1);
    assert_int_equal(p.number, 6);
    assert_int_equal(t->task.failure, 0);
    apus_datetime when;
    assert_int_equal(pg_one(&t->task, apus_datetime_model, &when, "select 'infinity'::timestamptz", PG_NONE), APUS_EROW);
}

static void test_what_does_not_fit_its_member_is_an_error_that_names_the_column(void **state)
{
    (void)state;
    test_one(misfits, NULL);
}

static void lists(test_task *t)
{
    LISTOF(struct plain) all = {0};
    assert_int_equal(pg_list(&t->task, plain_model, &all, "select i as number from generate_series(1, 1000) i", PG_NONE), 1000);
    assert_int_equal(all.len, 1000);
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(all.items[i].number, i + 1);
    assert_int_equal(pg_list(&t->task, plain_model, &all, "select 1 as number where false", PG_NONE), 0);
    assert_int_equal(all.len, 0);
    assert_int_equal(all.is, APUS_SET);
    LISTOF(apus_str) names = {0};
    assert_int_equal(pg_list(&t->task, apus_str_model, &names, "select 'n' || i from generate_series(1, 2) i", PG_NONE), 2);
    assert_true(apus_str_is(names.items[1], "n2"));
    struct plain one = {42};
    assert_int_equal(pg_one(&t->task, plain_model, &one, "select 1 as number where false", PG_NONE), 0);
    assert_int_equal(one.number, 42);
    assert_int_equal(pg_one(&t->task, plain_model, &one, "select i as number from generate_series(5, 9) i", PG_NONE), 1);
    assert_int_equal(one.number, 5);
}

static void miscount(test_task *t)
{
    int64_t sum;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pg_one(&t->task, int64_t_model, &sum, "select $1::int + $2::int", PG(1)), APUS_EQUERY);
        assert_non_null(strstr(apus_error(&t->task), "requires 2"));
    }
    assert_int_equal(pg_one(&t->task, int64_t_model, &sum, "select $1::int + $2::int", PG(1, 2)), 1);
}

static void test_a_wrong_number_of_parameters_is_the_statements_error_not_the_databases(void **state)
{
    (void)state;
    test_one(miscount, NULL);
}

struct parts {
    int64_t number;
    int64_t later;
    apus_opt_str words;
    LISTOF(struct tag) tags;
    struct tag tag;
};
MODEL(parts, FIELD(number), FIELD(later, .optional = true), FIELD(words), LIST(tags, tag), OBJECT(tag, tag));

static void miss_columns(test_task *t)
{
    expect_row_error(&t->task, "select 1 as nummer", "no column");
    expect_row_error(&t->task, "select", "no column");
    int64_t scalar;
    assert_int_equal(pg_one(&t->task, int64_t_model, &scalar, "select", PG_NONE), APUS_EROW);
    struct parts parts;
    assert_int_equal(pg_one(&t->task, parts_model, &parts, "select 3 as number", PG_NONE), 1);
    assert_true(parts.number == 3 && parts.words.is == APUS_UNSET && parts.tags.len == 0);
    assert_int_equal(pg_one(&t->task, parts_model, &parts, "select 'x' as words", PG_NONE), APUS_EROW);
}

static void test_a_plain_member_without_a_column_is_an_error_and_never_a_zero(void **state)
{
    (void)state;
    test_one(miss_columns, NULL);
}

static void test_lists_hold_every_row(void **state)
{
    (void)state;
    test_one(lists, NULL);
}

static void expect_rows(apus_task *task, int rows, int expected)
{
    if (rows != expected)
        fail_msg("%d: %s", rows, apus_error(task));
}

static int64_t number_of(apus_task *task, const char *sql, pg_params params)
{
    int64_t out = -1;
    int found = pg_one(task, int64_t_model, &out, sql, params);
    if (found != 1)
        fail_msg("%s: %d, %s", sql, found, apus_error(task));
    return out;
}

/* What people write, with the types that C has. */
static void ordinary_sql(test_task *t)
{
    apus_task *k = &t->task;
    apus_str nothing = {NULL, 0}, word = APUS_STR("ab");
    apus_uuid uuid = {{0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8, 0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a, 0x11}};
    apus_datetime when = {1704157445123456, 0}, naive = {1704157445123456, APUS_NAIVE};
    apus_opt_int unset = {0}, seven = APUS_SOME(7);
    apus_opt_double no_double = {0};
    admin("drop table if exists ordinary");
    pg_exec(k, "create table ordinary (id int primary key, small int2, big int8, price numeric(10,2), real float8, name text,"
               " uuid uuid, at timestamptz, naive timestamp, day date, data jsonb, flag bool)", PG_NONE);
    expect_rows(k, pg_exec(k, "insert into ordinary values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                           PG(1, 2, 5000000000, 19.99, 19.99, word, uuid, when, naive, naive, APUS_JSON("{\"a\": [1]}"), true)), 1);
    assert_int_equal(number_of(k, "select count(*) from ordinary where id = $1 and small = $2 and big = $3", PG(1, 2, 5000000000)), 1);
    assert_int_equal(number_of(k, "select count(*) from ordinary where id = $1", PG(99999999999)), 0);
    assert_int_equal(number_of(k, "select count(*) from ordinary where price = $1 and real = $1", PG(19.99)), 1);
    assert_int_equal(number_of(k, "select count(*) from ordinary where uuid = $1 and at = $2 and naive = $3", PG(uuid, when, naive)), 1);
    assert_int_equal(number_of(k, "select count(*) from ordinary where uuid = $1", PG("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")), 1);
    assert_int_equal(number_of(k, "select count(*) from ordinary where at > $1 and day = $2", PG("2024-01-01", "2024-01-02")), 1);
    assert_int_equal(number_of(k, "select count(*) from ordinary where name ilike $1 || '%' and data @> $2", PG("A", APUS_JSON("{}"))), 1);
    assert_int_equal(number_of(k, "select count(*) from ordinary where ($1::text is null or name = $1)", PG(nothing)), 1);
    assert_int_equal(number_of(k, "select count(*) from (select 1 from ordinary limit $1 offset $2) x", PG(20, 0)), 1);
    assert_int_equal(number_of(k, "select coalesce($1, big) from ordinary", PG(unset)), 5000000000);
    assert_int_equal(number_of(k, "select coalesce($1, id) from ordinary", PG(seven)), 7);
    assert_int_equal(number_of(k, "select case when $1 then $2 else big end from ordinary", PG(true, unset.is == APUS_SET ? 1 : 3)), 3);
    assert_int_equal(number_of(k, "select length(repeat('x', $1) || left('abc', $2))", PG(3, 2)), 5);
    assert_int_equal(number_of(k, "select count(*) from ordinary where id = any($1)", PG("{1,2}")), 1);
    assert_int_equal(number_of(k, "select ($1::jsonb -> 'a' ->> $2)::int", PG(APUS_JSON("{\"a\": [5, 6]}"), (int64_t)1)), 6);
    assert_int_equal(number_of(k, "select count(*) from ordinary where at + make_interval(days => $1) > at + $2 * interval '1 hour'",
                               PG(2, 1.5)), 1);
    assert_int_equal(number_of(k, "select ((data ->> $1) is null and flag = $2 and coalesce($3, real) = real)::int from ordinary",
                               PG("b", true, no_double)), 1);
    assert_int_equal(number_of(k, "select $1", PG(42)), 42);
    expect_rows(k, pg_exec(k, "drop table ordinary", PG_NONE), 0);
}

static void test_ordinary_sql_works_with_ordinary_parameters(void **state)
{
    (void)state;
    test_one(ordinary_sql, NULL);
}

static void test_ordinary_sql_works_without_prepared_statements(void **state)
{
    (void)state;
    pg_options.prepare = false;
    test_one(ordinary_sql, NULL);
}

static void nul(test_task *t)
{
    assert_int_equal(pg_exec(&t->task, "select $1", PG(APUS_STR("a\0b"))), APUS_EVALIDATION);
    assert_int_equal(t->task.failure, APUS_EVALIDATION);
    assert_int_equal(pg_exec(&t->task, "select $1", PG(APUS_STR("\xff"))), APUS_EVALIDATION);
    pg_forgive(&t->task);
    assert_int_equal(t->task.failure, 0);
}

static void write_arrays(test_task *t)
{
    apus_task *k = &t->task;
    int64_t numbers[] = {-5, 9007199254740993};
    double reals[] = {0.1, -1e300, INFINITY};
    bool flags[] = {true, false};
    apus_str texts[] = {APUS_STR("a,b"), APUS_STR("\"{}\\"), APUS_STR(""), {NULL, 0}, APUS_STR("NULL"), APUS_STR("w\u00f6rd \n'")};
    apus_uuid uuids[] = {{{0xa0, 0xee}}};
    apus_datetime moments[] = {{1704157445123456, 7200}, {-62135596800000000, 0}};
    LISTOF(int64_t) ints = {numbers, 2, APUS_SET}, none = {NULL, 0, APUS_UNSET}, null = {NULL, 0, APUS_NULL};
    LISTOF(double) doubles = {reals, 3, APUS_SET};
    LISTOF(bool) bools = {flags, 2, APUS_SET};
    LISTOF(apus_str) strs = {texts, 6, APUS_SET};
    LISTOF(apus_uuid) ids = {uuids, 1, APUS_SET};
    LISTOF(apus_datetime) times = {moments, 2, APUS_SET};
    assert_int_equal(number_of(k, "select count(*) from (values (-5::int8), (4), (9007199254740993)) v (id) where id = any($1)",
                               PG(PG_ARRAY(ints))), 2);
    assert_int_equal(number_of(k, "select cardinality($1::int[]) + ($2::int[] is null)::int", PG(PG_ARRAY(none), PG_ARRAY(null))), 1);
    assert_int_equal(number_of(k, "select ($1 = array[0.1, -1e300, 'inf']::float8[])::int", PG(PG_ARRAY(doubles))), 1);
    assert_int_equal(number_of(k, "select ($1 = array[true, false])::int", PG(PG_ARRAY(bools))), 1);
    assert_int_equal(number_of(k, "select ($1 = array['a,b', E'\"{}\\\\', '', null, 'NULL', E'w\u00f6rd \\n''']::text[])::int",
                               PG(PG_ARRAY(strs))), 1);
    assert_int_equal(number_of(k, "select ($1 = array['a0ee0000-0000-0000-0000-000000000000'::uuid])::int", PG(PG_ARRAY(ids))), 1);
    assert_int_equal(number_of(k, "select ($1 = array['2024-01-02 01:04:05.123456Z', '0001-01-01 00:00:00Z']::timestamptz[])::int",
                               PG(PG_ARRAY(times))), 1);
    int64_t large[] = {3000000000, 1};
    double broken[] = {1.5, 1};
    LISTOF(int64_t) larges = {large, 2, APUS_SET};
    LISTOF(double) brokens = {broken, 2, APUS_SET};
    apus_datetime far[] = {{1704157445000000, 23 * 3600}}, naive[] = {{1704157445000000, APUS_NAIVE}};
    LISTOF(apus_datetime) fars = {far, 1, APUS_SET}, naives = {naive, 1, APUS_SET};
    assert_int_equal(number_of(k, "select count(*) from (values (1), (2)) v (id) where id = any($1)", PG(PG_ARRAY(larges))), 1);
    assert_int_equal(number_of(k, "select count(*) from (values (1), (2)) v (id) where id = any($1)", PG(PG_ARRAY(brokens))), 1);
    assert_int_equal(number_of(k, "select ('2024-01-02 01:04:05Z'::timestamptz = any($1))::int", PG(PG_ARRAY(fars))), 1);
    assert_int_equal(number_of(k, "select ('2024-01-02 01:04:05'::timestamp = any($1))::int", PG(PG_ARRAY(naives))), 1);
    assert_int_equal(number_of(k, "select ('2024-01-02 01:04:05'::timestamp at time zone 'UTC' = any($1))::int", PG(PG_ARRAY(fars))), 1);
    assert_int_equal(number_of(k, "select count(*) from unnest($1) n", PG(PG_ARRAY(ints))), 2);
    moments[0].micros = 253402300800000000;
    assert_int_equal(pg_exec(k, "select $1::timestamptz[]", PG(PG_ARRAY(times))), APUS_EINVAL);
    texts[0] = (apus_str){"\0", 1};
    assert_int_equal(pg_exec(k, "select $1::text[]", PG(PG_ARRAY(strs))), APUS_EVALIDATION);
}

static void test_a_list_is_written_as_an_array(void **state)
{
    (void)state;
    test_one(write_arrays, NULL);
}

static void write_constants(test_task *t)
{
    apus_opt_enum given = {APUS_SET, GREEN}, absent = {0};
    apus_str text;
    assert_int_equal(pg_one(&t->task, apus_str_model, &text, "select $1 || '|' || $2 || '|' || coalesce($3, 'none')",
                            PG(apus_enum_text(colour, RED), apus_enum_text(colour, given), apus_enum_text(colour, absent))), 1);
    assert_true(apus_str_is(text, "red|green|none"));
    assert_null(apus_enum_text(colour, 7).ptr);
}

static void test_a_constant_is_written_as_its_text(void **state)
{
    (void)state;
    test_one(write_constants, NULL);
}

static void test_text_that_postgres_cannot_hold_is_invalid_input(void **state)
{
    (void)state;
    test_one(nul, NULL);
}

static void twenty_four(test_task *t)
{
    int64_t sum = 0;
    t->result = pg_one(&t->task, int64_t_model, &sum,
                       "select ($1::int + $2::int + $3::int + $4::int + $5::int + $6::int + $7::int + $8::int + $9::int + $10::int"
                       " + $11::int + $12::int + $13::int + $14::int + $15::int + $16::int + $17::int + $18::int + $19::int"
                       " + $20::int + $21::int + $22::int + $23::int + $24::int)::bigint",
                       PG(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24));
    assert_int_equal(t->result, 1);
    assert_int_equal(sum, 300);
}

static void test_a_statement_may_have_twenty_four_parameters(void **state)
{
    (void)state;
    test_one(twenty_four, NULL);
}

static int list_of_wide(test_task *t, int width, int rows)
{
    LISTOF(apus_str) all = {0};
    return pg_list(&t->task, apus_str_model, &all, "select repeat('x', $1) from generate_series(1, $2)", PG(width, rows));
}

/* A text that has been quick so far, so that strangers' statements are sent behind it. */
static void little(test_task *t)
{
    for (int i = 0; i < 2 * PG_SLOW_FOR; i++)
        assert_int_equal(list_of_wide(t, 1, 1), 1);
}

static void too_much(test_task *t)
{
    const int *size = t->arg;
    t->result = list_of_wide(t, size[0], size[1]);
    assert_int_equal(t->result, APUS_ETOOLARGE);
}

static void one_large_value(test_task *t)
{
    apus_str text = {0};
    t->result = pg_one(&t->task, apus_str_model, &text, "select repeat('x', 150000000)", PG_NONE);
    assert_int_equal(t->result, APUS_ETOOLARGE);
}

static void next_to_it(test_task *t)
{
    t->result = (int)number_of(&t->task, "select 5", PG_NONE);
}

static void test_a_result_past_the_ceiling_ends_its_statement_and_nothing_else(void **state)
{
    static int sizes[][2] = {{1000, 200000}, {2000000, 100}}; /* 200 MB either way */
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        test_task large = {0}, others[20] = {0};
        test_one(little, NULL);
        test_start(&large, too_much, sizes[kind]);
        for (int i = 0; i < 20; i++)
            test_start(&others[i], next_to_it, NULL);
        test_run();
        for (int i = 0; i < 20; i++)
            assert_int_equal(others[i].result, 5);
        test_one(next_to_it, NULL);
    }
    test_one(one_large_value, NULL);
    test_one(next_to_it, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_columns_of_every_common_type_become_members, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_binary_and_text_results_are_the_same, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_what_does_not_fit_its_member_is_an_error_that_names_the_column, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_wrong_number_of_parameters_is_the_statements_error_not_the_databases, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_plain_member_without_a_column_is_an_error_and_never_a_zero, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_lists_hold_every_row, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_ordinary_sql_works_with_ordinary_parameters, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_ordinary_sql_works_without_prepared_statements, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_list_is_written_as_an_array, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_constant_is_written_as_its_text, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_text_that_postgres_cannot_hold_is_invalid_input, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_statement_may_have_twenty_four_parameters, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_result_past_the_ceiling_ends_its_statement_and_nothing_else, pool_set_up, pool_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
