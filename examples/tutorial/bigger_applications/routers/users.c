#include <apus.h>

struct user {
    apus_str username;
};
MODEL(user, FIELD(username));

struct user_list {
    LISTOF(struct user) users;
};
MODEL(user_list, ROOT_LIST(users, user));

static struct user rick_and_morty[] = {{APUS_STR("Rick")}, {APUS_STR("Morty")}};

static int read_users(apus_request *, const apus_none *, struct user_list *out)
{
    *out = (struct user_list){{rick_and_morty, 2}};
    return 0;
}

static int read_user_me(apus_request *, const apus_none *, struct user *out)
{
    out->username = APUS_STR("fakecurrentuser");
    return 0;
}

struct read_user_in {
    apus_str username;
};
MODEL(read_user_in, PATH(username));

static int read_user(apus_request *, const struct read_user_in *in, struct user *out)
{
    out->username = in->username;
    return 0;
}

ROUTES(users,
    GET("/users/", read_users, apus_none, user_list, .tags = TAGS("users"), .response_model = APUS_UNDOCUMENTED),
    GET("/users/me", read_user_me, apus_none, user, .tags = TAGS("users"), .response_model = APUS_UNDOCUMENTED),
    GET("/users/{username}", read_user, read_user_in, user,
        .tags = TAGS("users"), .response_model = APUS_UNDOCUMENTED));
