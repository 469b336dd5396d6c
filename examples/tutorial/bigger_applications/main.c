#include "dependencies.h"

DECLARE_ROUTES(users);
DECLARE_ROUTES(items);
DECLARE_ROUTES(admin);

struct message {
    apus_str message;
};
MODEL(message, FIELD(message));

static int root(apus_request *, const apus_none *, struct message *out)
{
    out->message = APUS_STR("Hello Bigger Applications!");
    return 0;
}

ROUTES(routes,
    GET("/", root, apus_none, message, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .dependencies = DEPENDS_ON(get_query_token),
        .routers = ROUTERS(
            {users},
            {items,
                .prefix = "/items",
                .tags = TAGS("items"),
                .dependencies = DEPENDS_ON(get_token_header),
                .responses = RESPONSES({404, "Not found"})},
            {admin,
                .prefix = "/admin",
                .tags = TAGS("admin"),
                .dependencies = DEPENDS_ON(get_token_header),
                .responses = RESPONSES({418, "I'm a teapot"})}),
        .routes = routes,
    });
}
