#include <apus.h>

static const char description[] =
    "\n"
    "ChimichangApp API helps you do awesome stuff. 🚀\n"
    "\n"
    "## Items\n"
    "\n"
    "You can **read items**.\n"
    "\n"
    "## Users\n"
    "\n"
    "You will be able to:\n"
    "\n"
    "* **Create users** (_not implemented_).\n"
    "* **Read users** (_not implemented_).\n";

static const char more_info[] =
    "{\"info\": {"
    "    \"termsOfService\": \"http://example.com/terms/\","
    "    \"contact\": {"
    "        \"name\": \"Deadpoolio the Amazing\","
    "        \"url\": \"http://x-force.example.com/contact/\","
    "        \"email\": \"dp@x-force.example.com\"},"
    "    \"license\": {\"name\": \"Apache 2.0\", \"identifier\": \"Apache-2.0\"}}}";

struct item {
    apus_str name;
};
MODEL(item, FIELD(name));

struct item_list {
    LISTOF(struct item) items;
};
MODEL(item_list, ROOT_LIST(items, item));

static struct item items[] = {{APUS_STR("Katana")}};

static int read_items(apus_request *, const apus_none *, struct item_list *out)
{
    *out = (struct item_list){{items, 1}};
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, apus_none, item_list, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .title = "ChimichangApp",
        .description = description,
        .summary = "Deadpool's favorite app. Nuff said.",
        .version = "0.0.1",
        .openapi_extra_json = more_info,
        .routes = routes,
    });
}
