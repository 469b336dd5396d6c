#include <apus.h>

struct item {
    apus_str name;
};
MODEL(item, FIELD(name));

struct entry {
    apus_str key;
    struct item value;
};
struct item_dict {
    LISTOF(struct entry) items;
};
MODEL(item_dict, ROOT_DICT(items, apus_str, item));

static struct entry fake_items_db[] = {
    {APUS_STR("plumbus"), {APUS_STR("Plumbus")}},
    {APUS_STR("gun"), {APUS_STR("Portal Gun")}},
};

static int read_items(apus_request *, const apus_none *, struct item_dict *out)
{
    *out = (struct item_dict){{fake_items_db, 2}};
    return 0;
}

struct item_id_in {
    apus_str item_id;
};
MODEL(item_id_in, PATH(item_id));

struct item_with_id {
    apus_str name, item_id;
};
MODEL(item_with_id, FIELD(name), FIELD(item_id));

static int read_item(apus_request *req, const struct item_id_in *in, struct item_with_id *out)
{
    for (size_t i = 0; i < 2; i++) {
        if (apus_str_eq(in->item_id, fake_items_db[i].key)) {
            *out = (struct item_with_id){fake_items_db[i].value.name, in->item_id};
            return 0;
        }
    }
    return http_error(req, 404, "Item not found");
}

static int update_item(apus_request *req, const struct item_id_in *in, struct item_with_id *out)
{
    if (!apus_str_is(in->item_id, "plumbus"))
        return http_error(req, 403, "You can only update the item: plumbus");
    *out = (struct item_with_id){APUS_STR("The great Plumbus"), in->item_id};
    return 0;
}

ROUTES(items,
    GET("/", read_items, apus_none, item_dict, .response_model = APUS_UNDOCUMENTED),
    GET("/{item_id}", read_item, item_id_in, item_with_id, .response_model = APUS_UNDOCUMENTED),
    PUT("/{item_id}", update_item, item_id_in, item_with_id,
        .tags = TAGS("custom"),
        .responses = RESPONSES({403, "Operation forbidden"}),
        .response_model = APUS_UNDOCUMENTED));
