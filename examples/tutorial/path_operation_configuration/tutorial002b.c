#include <apus.h>

#define TAG_ITEMS "items"
#define TAG_USERS "users"

struct names {
    LISTOF(apus_str) names;
};
MODEL(names, ROOT_LIST(names, apus_str));

static apus_str items[] = {APUS_STR("Portal gun"), APUS_STR("Plumbus")};
static apus_str users[] = {APUS_STR("Rick"), APUS_STR("Morty")};

static int get_items(apus_request *, const apus_none *, struct names *out)
{
    *out = (struct names){{items, 2}};
    return 0;
}

static int read_users(apus_request *, const apus_none *, struct names *out)
{
    *out = (struct names){{users, 2}};
    return 0;
}

ROUTES(routes,
    GET("/items/", get_items, apus_none, names, .tags = TAGS(TAG_ITEMS), .response_model = APUS_UNDOCUMENTED),
    GET("/users/", read_users, apus_none, names, .tags = TAGS(TAG_USERS), .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
