#include <apus.h>

struct user {
    apus_str user_id;
};
MODEL(user, FIELD(user_id));

static int read_user_me(apus_request *, const apus_none *, struct user *out)
{
    out->user_id = APUS_STR("the current user");
    return 0;
}

struct read_user_in {
    apus_str user_id;
};
MODEL(read_user_in, PATH(user_id));

static int read_user(apus_request *, const struct read_user_in *in, struct user *out)
{
    out->user_id = in->user_id;
    return 0;
}

ROUTES(routes,
    GET("/users/me", read_user_me, apus_none, user, .response_model = APUS_UNDOCUMENTED),
    GET("/users/{user_id}", read_user, read_user_in, user, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
