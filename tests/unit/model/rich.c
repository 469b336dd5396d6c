#include "model/rich.h"

ENUM_TYPE(color, "Color", VALUE(COLOR_RED, "red"), VALUE(COLOR_GREEN, "green"), VALUE(COLOR_BLUE, "blue"));
ENUM_TYPE(letter, "Letter", VALUE(LETTER_A, "a"), VALUE(LETTER_B, "b"));
ENUM_TYPE(quoted, "Quoted", VALUE(QUOTED_ONLY, "it's"));
ENUM_TYPE(word, NULL, VALUE(WORD_A, "a"), VALUE(WORD_ITS, "it's"));
ENUM_TYPE(single, NULL, VALUE(SINGLE_WORD, "on"));

MODEL(plain_sub, FIELD(x));
MODEL(closed_sub, SCHEMA("Closed", .forbid_extra = true), FIELD(a), FIELD(b, .fallback_str = "x"));
MODEL(tree, FIELD(name), OBJECT(left, tree), LIST(children, tree, .fallback_json = "[]"));
MODEL(sub_list, ROOT_LIST(items, plain_sub));
MODEL(sub_dict, ROOT_DICT(items, int64_t, plain_sub));

MODEL(rich,
    FIELD(i, .ge = 1, .le = 10, .fallback = 5),
    FIELD(f, .gt = 0, .fallback = 1),
    FIELD(f2, .lt = 10.5, .fallback = 1),
    FIELD(f3, .lt = 1e22, .gt = 1e-7, .fallback = 1),
    FIELD(fm, .multiple_of = 0.5, .fallback = 1),
    FIELD(im, .multiple_of = 3, .fallback = 3),
    FIELD(s, .min_length = 1, .max_length = 5, .pattern = "^a\\d\"?", .fallback_str = "a"),
    FIELD(s1, .max_length = 1, .fallback_str = "a"),
    FIELD(sw, .pattern = "(?i)^[\\w.+-]+@(example|b[^a-c\\s])\\.com$", .fallback_str = ""),
    FIELD(b, .fallback = true),
    FIELD(u, .fallback_str = "00000000-0000-0000-0000-000000000005"),
    FIELD(d, .fallback_str = "2024-01-01T00:00:00"),
    ENUM(c, color, .fallback = COLOR_RED),
    ENUM(c2, letter, .fallback = LETTER_A),
    ENUM(c1, quoted, .fallback = QUOTED_ONLY),
    LIST(l, int64_t, .min_length = 2, .max_length = 3, .fallback_json = "[1,2]"),
    LIST(l1, int64_t, .min_length = 1, .max_length = 1, .fallback_json = "[1]"),
    DICT(dd, int64_t, double, .fallback_json = "{}"),
    DICT(dm, apus_str, plain_sub, .min_length = 1, .max_length = 2, .fallback_json = "{\"k\":{\"x\":1}}"),
    DICT(du, apus_uuid, bool, .fallback_json = "{}"),
    FIELD(o),
    OBJECT(sub, plain_sub, .fallback_json = "{\"x\":1}"),
    LIST(subs, plain_sub, .fallback_json = "[]"),
    OBJECT(osub, plain_sub),
    OBJECT(ext, closed_sub),
    FIELD(any, .nullable = true),
    LIST(ol, int64_t, .nullable = true),
    LIST(lo, apus_opt_double, .fallback_json = "[]"),
    FIELD(of, .ge = -1.5),
    FIELD(ob),
    FIELD(os, .max_length = 3),
    FIELD(ou),
    FIELD(od),
    ENUM(oc, color),
    FIELD(si, .strict = true, .fallback = 1),
    FIELD(sf, .strict = true, .fallback = 1),
    FIELD(sb, .strict = true, .fallback = true),
    FIELD(ss, .strict = true, .fallback_str = ""),
    OBJECT(tree, tree),
    ENUM(lit, word, .fallback = WORD_A),
    ENUM(olit, single),
    LIST(lc, color, .max_length = 3, .fallback_json = "[\"red\"]"),
    LIST(ll, word, .nullable = true),
    DICT(dc, color, word, .fallback_json = "{}"));
