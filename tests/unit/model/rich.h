/* The model that the tests read and write: every kind, shape and constraint. */
#ifndef TESTS_MODEL_RICH_H
#define TESTS_MODEL_RICH_H

#include "model/model.h"

DECLARE_MODEL(rich);
DECLARE_MODEL(plain_sub);
DECLARE_MODEL(closed_sub);
DECLARE_MODEL(tree);
DECLARE_MODEL(sub_list);
DECLARE_MODEL(sub_dict);

enum color { COLOR_RED, COLOR_GREEN, COLOR_BLUE };
enum letter { LETTER_A = 7, LETTER_B = -3 };
enum quoted { QUOTED_ONLY };
enum word { WORD_A = 1, WORD_ITS };
enum single { SINGLE_WORD };
DECLARE_ENUM(color);
DECLARE_ENUM(word);

struct plain_sub {
    int64_t x;
};

struct closed_sub {
    int64_t a;
    apus_str b;
};

struct tree {
    apus_str name;
    struct tree *left;
    LISTOF(struct tree) children;
};

struct rich {
    int64_t i;
    double f, f2, f3, fm;
    int64_t im;
    apus_str s, s1, sw;
    bool b;
    apus_uuid u;
    apus_datetime d;
    enum color c;
    enum letter c2;
    enum quoted c1;
    LISTOF(int64_t) l;
    LISTOF(int64_t) l1;
    DICTOF(int64_t, double) dd;
    DICTOF(apus_str, struct plain_sub) dm;
    DICTOF(apus_uuid, bool) du;
    apus_opt_int o;
    struct plain_sub sub;
    LISTOF(struct plain_sub) subs;
    struct plain_sub *osub;
    struct closed_sub *ext;
    apus_json any;
    LISTOF(int64_t) ol;
    LISTOF(apus_opt_double) lo;
    apus_opt_double of;
    apus_opt_bool ob;
    apus_opt_str os;
    apus_opt_uuid ou;
    apus_opt_datetime od;
    apus_opt_enum oc;
    int64_t si;
    double sf;
    bool sb;
    apus_str ss;
    struct tree *tree;
    enum word lit;
    apus_opt_enum olit;
    LISTOF(enum color) lc;
    LISTOF(enum word) ll;
    DICTOF(enum color, enum word) dc;
};

struct sub_list {
    LISTOF(struct plain_sub) items;
};

struct sub_dict {
    DICTOF(int64_t, struct plain_sub) items;
};

#endif
