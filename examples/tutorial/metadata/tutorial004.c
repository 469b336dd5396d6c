#include <apus.h>

static const char tags_metadata[] =
    "{\"tags\": ["
    "    {\"name\": \"users\","
    "     \"description\": \"Operations with users. The **login** logic is also here.\"},"
    "    {\"name\": \"items\","
    "     \"description\": \"Manage items. So _fancy_ they have their own docs.\","
    "     \"externalDocs\": {"
    "         \"description\": \"Items external docs\","
    "         \"url\": \"https://fastapi.tiangolo.com/\"}}]}";

struct named {
    apus_str name;
};
MODEL(named, FIELD(name));

struct named_list {
    LISTOF(struct named) items;
};
MODEL(named_list, ROOT_LIST(items, named));

static struct named users[] = {{APUS_STR("Harry")}, {APUS_STR("Ron")}};
static struct named items[] = {{APUS_STR("wand")}, {APUS_STR("flying broom")}};

static int get_users(apus_request *, const apus_none *, struct named_list *out)
{
    *out = (struct named_list){{users, 2}};
    return 0;
}

static int get_items(apus_request *, const apus_none *, struct named_list *out)
{
    *out = (struct named_list){{items, 2}};
    return 0;
}

ROUTES(routes,
    GET("/users/", get_users, apus_none, named_list, .tags = TAGS("users"), .response_model = APUS_UNDOCUMENTED),
    GET("/items/", get_items, apus_none, named_list, .tags = TAGS("items"), .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .openapi_extra_json = tags_metadata,
        .routes = routes,
    });
}
