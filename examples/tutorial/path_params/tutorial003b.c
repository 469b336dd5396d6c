#include <apus.h>

struct names {
    LISTOF(apus_str) names;
};
MODEL(names, ROOT_LIST(names, apus_str));

static apus_str users[] = {APUS_STR("Rick"), APUS_STR("Morty")};
static apus_str users2[] = {APUS_STR("Bean"), APUS_STR("Elfo")};

static int read_users(apus_request *, const apus_none *, struct names *out)
{
    *out = (struct names){{users, 2}};
    return 0;
}

static int read_users2(apus_request *, const apus_none *, struct names *out)
{
    *out = (struct names){{users2, 2}};
    return 0;
}

ROUTES(routes,
    GET("/users", read_users, apus_none, names, .response_model = APUS_UNDOCUMENTED),
    GET("/users", read_users2, apus_none, names, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
