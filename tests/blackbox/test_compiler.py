"""What the compiler says of an application's mistakes: an error on that line, in a few lines, that has the right word."""

import os
import shutil
import subprocess

import pytest
from support.postgres import ROOT

PROLOGUE = """#include <apus.h>
struct item { apus_str name; double price; apus_opt_int stock; };
MODEL(item, FIELD(name, .min_length = 1), FIELD(price, .gt = 0), FIELD(stock));
struct in { int64_t item_id; };
MODEL(in, PATH(item_id));
enum colour { RED, GREEN };
ENUM_TYPE(colour, "Colour", VALUE(RED, "red"), VALUE(GREEN, "green"));
struct other { enum colour colour; float f; struct item item; LISTOF(struct item) items; };
static int get(apus_request *req, const struct in *in, struct item *out);
int use(apus_request *req, const struct in *in, struct item *out, struct other *other);
"""
CALL = "int use(apus_request *req, const struct in *in, struct item *out, struct other *other) {{ (void)in, (void)out; return {}; }}"
ROUTE = "static int get(apus_request *req, const struct in *in, struct item *out) { (void)req, (void)in, (void)out; return 0; } "
MISTAKES = {
    "a member that is not there": ("MODEL(other, FIELD(quantity));", "quantity"),
    "a rule that is misspelt": ("MODEL(other, FIELD(f, .max_lenght = 3));", "max_lenght"),
    "a type that no field can have": ("MODEL(other, FIELD(f));", "float"),
    "a nested model of another struct": ("MODEL(other, OBJECT(item, in));", "struct item"),
    "a list of other elements": ("MODEL(other, LIST(items, in));", "struct item"),
    "a handler with the wrong structs": (ROUTE + 'ROUTES(r, GET("/{item_id}", get, item, in));', "struct in"),
    "an option of a route that is misspelt": (ROUTE + 'ROUTES(r, GET("/{item_id}", get, in, item, .statsu = 201));', "statsu"),
    "a model that was not made": (ROUTE + 'ROUTES(r, GET("/{item_id}", get, in, other));', "other"),
    "a row into another struct": (CALL.format('pg_one(req, item_model, other, "select 1", PG_NONE)'), "struct other"),
    "a row into a const struct's place of another model": (CALL.format('pg_one(req, item_model, in, "select 1", PG_NONE)'), "struct in"),
    "rows into a list of other elements": (CALL.format('pg_list(req, in_model, &other->items, "select 1", PG_NONE)'), "struct item"),
    "a parameter that Postgres cannot take": (CALL.format('pg_exec(req, "select $1", PG(in))'), "struct in"),
    "an enum as a parameter, whose text Postgres holds": (CALL.format('pg_exec(req, "select $1", PG(other->colour))'), "enum colour"),
    "a batch's row into another struct": (CALL.format('(pg_batch_one(pg_batch_begin(req), item_model, other, NULL, "", PG_NONE), 0)'), "other"),
    "another struct as JSON": (CALL.format("http_json(req, 200, item_model, in)"), "struct in"),
    "JSON into another struct": (CALL.format("apus_load(req, item_model, other, in->item_id ? (apus_str){0} : (apus_str){0})"), "struct other"),
    "an update of another struct": (CALL.format("(apus_update(req, item_model, out, in), 0)"), "struct in"),
}
SOUND = (ROUTE + 'ROUTES(r, GET("/{item_id}", get, in, item)); ' + CALL.format(
    'pg_one(req, item_model, out, "select 1", PG(in->item_id, apus_enum_text(colour, other->colour))) + pg_list(req, item_model, &other->items, "select 1", PG_NONE)'
    " + http_json(req, 200, item_model, out) + http_json(req, 200, in_model, in) + (apus_update(req, item_model, out, &other->item), 0)"))
TABLES = """MODEL(other,
    OBJECT(item, item),
    FIELD(f));
ROUTES(r,
    GET("/{item_id}", get, in, item),
    POST("/{item_id}", get, item, in));
int use(apus_request *req, const struct in *in, struct item *out, struct other *other)
{
    (void)other;
    return pg_one(req, item_model, out,
                  "select 1",
                  PG(in));
}
"""
COMPILERS = {
    "gcc": [],
    "clang": ["-fmacro-backtrace-limit=1"],
}


def compile_(compiler, text, folder):
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    source = folder / "main.c"
    source.write_text(PROLOGUE + text + "\n")
    command = [compiler, "-std=gnu17", "-Wall", "-Wextra", "-Wno-return-type", "-Wno-unused", *COMPILERS[compiler], "-I", str(ROOT / "runtime" / "include"),
               "-fsyntax-only", str(source)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"})


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_an_error_on_its_own_line(compiler, mistake, tmp_path):
    text, word = MISTAKES[mistake]
    result = compile_(compiler, text, tmp_path)
    first = next(line for line in result.stderr.splitlines() if "error:" in line)
    line = PROLOGUE.count("\n") + 1
    assert result.returncode != 0 and f"main.c:{line}:" in result.stderr
    assert compiler == "clang" or f"main.c:{line}:" in first, first
    assert word in first or word in result.stderr
    assert compiler == "clang" or len(result.stderr.splitlines()) <= 15


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_mistake_in_one_row_of_a_table_is_told_on_that_row(compiler, tmp_path):
    result = compile_(compiler, ROUTE + TABLES, tmp_path)
    first = PROLOGUE.count("\n") + 1
    for row in ("    FIELD(f)", "    POST(", "                  PG(in)"):
        line = first + TABLES[:TABLES.index(row)].count("\n")
        assert any("error:" in told and f"main.c:{line}:" in told for told in result.stderr.splitlines()), result.stderr


@pytest.mark.parametrize("compiler", COMPILERS)
def test_what_is_right_compiles_without_a_word(compiler, tmp_path):
    result = compile_(compiler, SOUND, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
