#include <apus.h>

struct verify_token_in {
    apus_str x_token;
};
MODEL(verify_token_in, HEADER(x_token));

static int verify_token(apus_request *req, const struct verify_token_in *in, apus_none *)
{
    if (!apus_str_is(in->x_token, "fake-super-secret-token"))
        return http_error(req, 400, "X-Token header invalid");
    return 0;
}
DEPENDENCY(verify_token, verify_token_in, apus_none);

struct verify_key_in {
    apus_str x_key;
};
MODEL(verify_key_in, HEADER(x_key));

static int verify_key(apus_request *req, const struct verify_key_in *in, apus_str *out)
{
    if (!apus_str_is(in->x_key, "fake-super-secret-key"))
        return http_error(req, 400, "X-Key header invalid");
    *out = in->x_key;
    return 0;
}
DEPENDENCY(verify_key, verify_key_in, apus_str);

struct item {
    apus_str item;
};
MODEL(item, FIELD(item));

struct item_list {
    LISTOF(struct item) items;
};
MODEL(item_list, ROOT_LIST(items, item));

static struct item items[] = {{APUS_STR("Portal Gun")}, {APUS_STR("Plumbus")}};

static int read_items(apus_request *, const apus_none *, struct item_list *out)
{
    *out = (struct item_list){{items, 2}};
    return 0;
}

struct user {
    apus_str username;
};
MODEL(user, FIELD(username));

struct user_list {
    LISTOF(struct user) users;
};
MODEL(user_list, ROOT_LIST(users, user));

static struct user users[] = {{APUS_STR("Rick")}, {APUS_STR("Morty")}};

static int read_users(apus_request *, const apus_none *, struct user_list *out)
{
    *out = (struct user_list){{users, 2}};
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, apus_none, item_list, .response_model = APUS_UNDOCUMENTED),
    GET("/users/", read_users, apus_none, user_list, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .routes = routes,
        .dependencies = DEPENDS_ON(verify_token, verify_key),
    });
}
