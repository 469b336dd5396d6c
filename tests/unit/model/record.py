"""Records what Pydantic answers: prints pydantic.tsv, which test_pydantic.c holds us to.

    python3 -m venv venv && venv/bin/pip install fastapi==0.165.0
    venv/bin/python tests/unit/model/record.py > tests/unit/model/pydantic.tsv

Each line: target, input, answer. The target is a body's model (rich, list, dict) or a member of rich as a query parameter, whose
input is a JSON array of texts. The answer is the model without its defaults as JSON, or the `detail` array. With `random SEED COUNT`
as arguments the inputs are drawn instead: for a comparison wider than what the tree should hold.

Left out is where we differ on purpose: integers beyond 64 bits and numbers that are not finite (accepted there), duplicate keys in
what an error echoes, lone surrogates, a sign or underscores behind leading zeros.
"""

import datetime
import enum
import json
import math
import random
import sys
import uuid
from typing import Annotated, Any, Literal, Optional

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class Color(str, enum.Enum):
    red = "red"
    green = "green"
    blue = "blue"


class Letter(str, enum.Enum):
    a = "a"
    b = "b"


class Quoted(str, enum.Enum):
    only = "it's"


class Sub(BaseModel):
    x: int


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int
    b: str = "x"


class Tree(BaseModel):
    name: str
    left: Optional["Tree"] = None
    children: list["Tree"] = []


class Rich(BaseModel):
    i: Annotated[int, Field(ge=1, le=10)] = 5
    f: Annotated[float, Field(gt=0)] = 1.0
    f2: Annotated[float, Field(lt=10.5)] = 1.0
    f3: Annotated[float, Field(lt=1e22, gt=1e-7)] = 1.0
    fm: Annotated[float, Field(multiple_of=0.5)] = 1.0
    im: Annotated[int, Field(multiple_of=3)] = 3
    s: Annotated[str, Field(min_length=1, max_length=5, pattern='^a\\d"?')] = "a"
    s1: Annotated[str, Field(max_length=1)] = "a"
    sw: Annotated[str, Field(pattern=r"(?i)^[\w.+-]+@(example|b[^a-c\s])\.com$")] = ""
    b: bool = True
    u: uuid.UUID = uuid.UUID(int=5)
    d: datetime.datetime = datetime.datetime(2024, 1, 1)
    c: Color = Color.red
    c2: Letter = Letter.a
    c1: Quoted = Quoted.only
    l: Annotated[list[int], Field(min_length=2, max_length=3)] = [1, 2]
    l1: Annotated[list[int], Field(min_length=1, max_length=1)] = [1]
    dd: dict[int, float] = {}
    dm: Annotated[dict[str, Sub], Field(min_length=1, max_length=2)] = {"k": Sub(x=1)}
    du: dict[uuid.UUID, bool] = {}
    o: Optional[int] = None
    sub: Sub = Sub(x=1)
    subs: list[Sub] = []
    osub: Optional[Sub] = None
    ext: Optional[Closed] = None
    any: Any = None
    ol: Optional[list[int]] = None
    lo: list[Optional[float]] = []
    of: Optional[Annotated[float, Field(ge=-1.5)]] = None
    ob: Optional[bool] = None
    os: Optional[Annotated[str, Field(max_length=3)]] = None
    ou: Optional[uuid.UUID] = None
    od: Optional[datetime.datetime] = None
    oc: Optional[Color] = None
    si: Annotated[int, Field(strict=True)] = 1
    sf: Annotated[float, Field(strict=True)] = 1.0
    sb: Annotated[bool, Field(strict=True)] = True
    ss: Annotated[str, Field(strict=True)] = ""
    tree: Optional[Tree] = None
    lit: Literal["a", "it's"] = "a"
    olit: Optional[Literal["on"]] = None
    lc: Annotated[list[Color], Field(max_length=3)] = [Color.red]
    ll: Optional[list[Literal["a", "it's"]]] = None
    dc: dict[Color, Literal["a", "it's"]] = {}


FIELDS = list(Rich.model_fields)
LISTS = ("l", "l1", "ol", "lo", "lc", "ll")
QUERY = {n: TypeAdapter(f.rebuild_annotation()) for n, f in Rich.model_fields.items()}
BODY = {"rich": TypeAdapter(Rich), "list": TypeAdapter(list[Sub]), "dict": TypeAdapter(dict[int, Sub])}


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def beyond_us(value):
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return not -(2**63) <= value < 2**63
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, BaseModel):
        return any(beyond_us(getattr(value, name)) for name in type(value).model_fields if name != "any")
    if isinstance(value, dict):
        return any(map(beyond_us, value)) or any(map(beyond_us, value.values()))
    return isinstance(value, list) and any(map(beyond_us, value))


def answer(adapter, value, loc, query):
    try:
        read = adapter.validate_python(value, from_attributes=True)
    except ValidationError as e:
        keep = ("type", "loc", "msg", "input", "ctx")
        errors = [{k: x[k] for k in keep if k in x} for x in e.errors(include_url=False)]
        return dumps([x | {"loc": loc + list(x["loc"])} for x in errors])
    if beyond_us(read):
        return None
    written = adapter.dump_json(read, exclude_defaults=not query).decode()
    return f'{{"v":{written}}}' if query else written


def record(target, text):
    duplicates = []

    def pairs(items):
        made = dict(items)
        duplicates.append(len(made) != len(items))
        return made

    try:
        value = json.loads(text, object_pairs_hook=pairs)
        dumps(value).encode()
    except (ValueError, UnicodeEncodeError):
        return
    if any(duplicates[:-1]) or (duplicates and duplicates[-1] and target not in ("rich", "dict")):
        return
    if target in BODY:
        got = answer(BODY[target], value, ["body"], False)
    else:
        got = answer(QUERY[target], value if target in LISTS else value[-1], ["query", "v"], True)
    if got is not None:
        print(target, text, got, sep="\t")


NUMBER_TEXTS = (
    "|0|1|-1|+1| 1|1 |01|-01|00|1_000|1.0|1.00|9223372036854775807|9223372036854775808|-9223372036854775808|-9223372036854775809|1__0|_1|1_"
    "|1.|1.5|.0|1e3|0x10|-|+|--1|- 1|inf|nan|1,000|1.0_0|1 2|.5|5.|1E3|1e-400|1_000.5| 1_000.5|0.1|123456789012345678|1e22|-0"
    "|4.9e-324|1.7976931348623157e308|0x1p3|1e|.|\u00a05\u3000|\u200b5|5\u0085"
).split("|")
BOOL_TEXTS = "true|TRUE|FALSE|tRuE|t|f|T|y|n|Y|yes|NO|on|oFF|2|null|none|enabled| true".split("|")
WORD_TEXTS = (
    'abc|a|a1|a1"|a1""|a12345|éa1|ab|red|RED|green|blue|pink|b|it\'s|é|ééé|éééé|日本語|日本語語|😀|😀😀😀😀|a\u0000'
    "|joe@example.com|Jöe.x+1-_@EXAMPLE.com|joe@bd.com|joe@ba.com|joe@b .com|joe@b\u00a0.com|joe@example.comx|joe@example.com\u0000"
    "|e\u0301@example.com|a\u200d@example.com|²@example.com|Ⅷ@bZ.COM|x@bK.com|x@b\u212a.com|x@bC.com|\u203f@example.com"
).split("|")
DATE_TEXTS = (
    "2024-01-02T03:04:05|2024-01-02T03:04:05Z|2024-01-02t03:04:05z|2024-01-02 03:04:05|2024-01-02_03:04:05|2024-01-02T03:04|2024-01-02"
    "|2024-01-02T03:04:05.123456|2024-01-02T03:04:05.1234567|2024-01-02T03:04:05.1|2024-01-02T03:04:05,5|2024-01-02T03:04:05+05:30"
    "|2024-01-02T03:04:05+0530|2024-01-02T03:04:05-00:00|0001-01-01T00:00:00|9999-12-31T23:59:59.999999|1704164645|1704164645.5"
    "|1704164645123|99999999999999|20000000000|20000000001|2024-01-02T03|2024-01-02T03:04:05+05|2024-01-02T03:04:05+24:00"
    "|2024-01-02T24:00:00|2024-01-02T23:59:60|2024-01-02T03:04:05 |2024-13-02T03:04:05|2024-02-30T03:04:05|2024-1-2T3:4:5|2024-W01-1"
    "|0000-01-01T00:00:00|0000-01-01|1e10|now| 2024-01-02T03:04:05|20240102T030405|253402300800000|0001-01-01T00:00:00+05:00"
    "|9999-12-31T23:59:59-05:00|2024-01-02T03:04:05\u221205:00|2024-01-02T03:04:05.|2024-01-02T03:04:05.Z|2024-01-02T03:04Z|2024-01-02Z"
    "|2024-01-02T|2023-02-29|2024-02-29|1900-02-29|2000-02-29|2024-00-10|2024-01-00|-62135596800000|-62135596800001|-62167219200000"
    "|-62167219200001|253402300799999|-99999999999999999|1704164645.1234565|-.5|+5|0.0000005|0.0000015|20000000000.5|-20000000001.5"
    "|2024-01-02T03:04:05+05:3|2024-01-02T03:04:05+05:60|2024-01-02T03:04:05ZZ|2024-01-02X03:04:05|2024-01-02T030405"
    "|2024-01-02T03:04:05.123456789012345678901234567890|2024-01-02T03:04:05.5+01:00|2024-01-02T03:04:05 +01:00|2024/01/02"
).split("|")
ZERO = "00000000-0000-0000-0000-"
UUID_TEXTS = [
    ZERO + "000000000005", "0" * 31 + "5", "{" + ZERO + "000000000005}", "urn:uuid:" + ZERO + "000000000005",
    "ABCDEF00-0000-4000-8000-000000000000", "0000", "g" + ZERO[1:] + "000000000000", "0000000-00000-0000-0000-000000000000",
    ZERO + "00000000000", " " + ZERO + "000000000005", ZERO + "000000000000 ", "0" * 33, "0" * 36, "{}", "{x}", "urn:uuid:",
    "urn:uuid:" + "0" * 32, "{" + "0" * 32 + "}", "--------", "é" * 3, "{" + "0" * 34 + "x}", "{" + ZERO + "00000000000g}",
    "urn:uuid:" + ZERO + "00000000000g", "{" + ZERO + "0000000000}", "{0000000-0000-0000-0000-000000000000}", "0" * 50,
    "urn:uuid:" + ZERO + "00000000000", "{" + ZERO + "0000000000000}", "urn:uuid:" + ZERO[:-1],
]  # fmt: skip
TEXTS = NUMBER_TEXTS + BOOL_TEXTS + WORD_TEXTS + DATE_TEXTS + UUID_TEXTS
NUMBERS = (
    "0 1 -1 3 4 10 11 1.5 0.0 -0.0 1.0 2.0 1e2 1e-2 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809"
    " 18446744073709551616 1e18 9.3e18 -1e19 1e300 111111111111111111111111111111 9007199254740993 0.3 0.7 1e-7 1e-8 1e22 1e23 1e16"
    " 1.7976931348623157e308 5e-324 1704164645 1704164645.5 253402300800000 -62135596800001 -62167219200001 20000000001.25 -1.5 0.25 1e-10"
    " 253402300799999.9 -62135596800000.5 0.0000005 1234.0000005"
).split()
OTHERS = [
    "null", "true", "false", "[]", "{}", "[1]", '{"x":1}', '{"x":"a"}', '{"y":1}', '{"x":null}', "[{}]", '[{"x":1},{"x":"y"},5,null]',
    '{"a":1}', '{"a":"x","z":1,"y":[2]}', '{"a":1,"b":null,"c":{}}', '{"1":2.5,"2":"x","y":3}', '{"1.0":1,"1":2}',
    '{"a":{"x":1},"b":{"x":"2"}}', '{"a":{},"b":5,"c":null}', '{"":{"x":1}}', '[null,1,"x",1.5]', "[1,2]", "[1,2,3]", "[1,2,3,4]",
    '["x",2,3,4]', '[1,"x"]', '["1","2.0"]', '{"name":"r"}', '{"name":"r","children":[{"name":"a","left":{"name":"z"}},{"nam":1}]}',
    '{"00000000-0000-0000-0000-000000000005":1,"00000000000000000000000000000005":"off","x":true}', "[[1]]", '"\\ud83d\\ude00"',
    '{"nested":[1.0,1e-7,1e16,null,true,"\\u00e9\\n\\u0000",{"a":[]}]}', '{"a\\"b\\n/é":{}}', "[1,2,3,4,5,6]", '[true,"on"]',
    '{"a":{"x":1},"b":{"x":2},"c":{"x":3}}', '{"a":{"x":1},"b":{"x":2},"c":5}', '{"a":{},"b":{"x":2},"c":{"x":3},"d":{"x":4},"e":5}',
    '["red","blue"]', '["green","RED",1,null]', '["a","it\'s","b",{}]', '{"red":"a","blue":"it\'s"}', '{"red":"x","pink":"a","":1}',
]  # fmt: skip


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def record_tables():
    kinds = {
        "i": NUMBER_TEXTS + BOOL_TEXTS, "o": NUMBER_TEXTS + ["1" * 4300, "1" * 4301], "im": NUMBER_TEXTS, "si": NUMBER_TEXTS[:5],
        "f": NUMBER_TEXTS, "f2": NUMBER_TEXTS, "f3": NUMBER_TEXTS, "fm": NUMBER_TEXTS, "of": NUMBER_TEXTS + BOOL_TEXTS,
        "sf": NUMBER_TEXTS[:5],
        "b": BOOL_TEXTS + NUMBER_TEXTS, "sb": BOOL_TEXTS[:3], "s": WORD_TEXTS, "s1": WORD_TEXTS, "sw": WORD_TEXTS, "os": WORD_TEXTS,
        "ss": WORD_TEXTS[:3], "c": WORD_TEXTS, "c1": WORD_TEXTS, "c2": WORD_TEXTS, "lit": WORD_TEXTS,
        "olit": BOOL_TEXTS, "u": UUID_TEXTS + WORD_TEXTS,
        "d": DATE_TEXTS + NUMBER_TEXTS,
    }  # fmt: skip
    for name, texts in kinds.items():
        for text in texts:
            record(name, quoted([text]))
    for name in LISTS:
        for texts in (["1", "2"], ["1"], ["1", "x"], ["x", "y"], ["1", "2", "3", "4"], ["x", "2", "3", "4"], ["1.0", "2"], ["red", "blue"], ["a", "red", "A"], ["it's", "a"]):
            record(name, quoted(texts))
    record("o", '["1","x"]')
    for name in ("i", "f", "b", "s", "u", "d", "c"):
        for text in TEXTS[::5]:
            record("rich", f'{{"{name}":{quoted(text)}}}')
    for value in NUMBERS:
        for name in ("i", "f", "f2", "f3", "fm", "im", "s", "b", "u", "d", "c", "l", "o", "any", "of", "ob", "od", "si", "sf", "sb"):
            record("rich", f'{{"{name}":{value}}}')
    for value in OTHERS:
        for name in FIELDS:
            record("rich", f'{{"{name}":{value}}}')
        for target in BODY:
            record(target, value)


def mutated(draw, text):
    text = list(text)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        at = draw.randrange(len(text) + 1)
        kind = draw.random()
        if kind < 0.3:
            text.insert(at, draw.choice("0123456789abcdefABCDEF-+_.,:eEtTzZ {}éurnidxinfa\u00a0\u0000 "))
        elif kind < 0.7 and at < len(text):
            text[at] = draw.choice("0123456789abcdefABCDEF-+_.,:eEtTzZ {}éurnidxinfa\u00a0\u0000 ")
        elif kind < 0.9 and at < len(text):
            del text[at]
        else:
            text = text[:at]
    return "".join(text)


def drawn_json(draw, depth=0):
    kind = draw.random()
    if kind < 0.3:
        return draw.choice(NUMBERS)
    if kind < 0.55:
        return quoted(draw.choice(TEXTS) if draw.random() < 0.7 else mutated(draw, draw.choice(TEXTS)))
    if kind < 0.8 or depth > 2:
        return draw.choice(OTHERS)
    if kind < 0.9:
        return "[" + ",".join(drawn_json(draw, depth + 1) for _ in range(draw.randrange(4))) + "]"
    keys = ("x", "a", "b", "name", "left", "children", "1", "2", "z", "é")
    return "{" + ",".join(f'"{draw.choice(keys)}":{drawn_json(draw, depth + 1)}' for _ in range(draw.randrange(4))) + "}"


def record_random(seed, count):
    draw = random.Random(seed)
    scalars = [n for n in FIELDS if n not in ("dd", "dm", "du", "dc", "sub", "osub", "ext", "any", "tree", "subs")]
    for _ in range(count):
        kind = draw.random()
        if kind < 0.5:
            name = draw.choice(scalars)
            record(name, quoted([mutated(draw, draw.choice(TEXTS)) for _ in range(draw.randrange(1, 5) if name in LISTS else 1)]))
        elif kind < 0.9:
            names = draw.sample(FIELDS, draw.randrange(1, 5))
            record("rich", "{" + ",".join(f'"{n}":{drawn_json(draw)}' for n in names + draw.choice([[], [], ["zz"], names[:1]])) + "}")
        else:
            record(draw.choice(list(BODY)), drawn_json(draw))
        moment = draw.choice([draw.uniform(-7e10, 3e11), draw.uniform(-6.3e13, 2.6e14)])
        record("d", quoted([f"{moment:.{draw.randrange(9)}f}"]))
        number = draw.choice([draw.random(), draw.uniform(-1e3, 1e3), draw.random() * 10 ** draw.randrange(-20, 25)])
        record("rich", f'{{"fm":{round(number, draw.randrange(8))!r},"f3":{number!r},"any":{number!r},"d":{moment!r}}}')


if __name__ == "__main__":
    if sys.argv[1:2] == ["random"]:
        record_random(int(sys.argv[2]), int(sys.argv[3]))
    else:
        record_tables()
