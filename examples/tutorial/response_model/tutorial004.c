#include <apus.h>

struct item {
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_double tax;
    LISTOF(apus_str) tags;
};
MODEL(item, SCHEMA("Item"),
    FIELD(name),
    FIELD(description),
    FIELD(price),
    FIELD(tax, .not_null = true, .fallback = 10.5),
    LIST(tags, apus_str, .fallback_json = "[]"));

static const struct {
    const char *id;
    apus_str item; /* as JSON */
} items[] = {
    {"foo", APUS_STR("{\"name\": \"Foo\", \"price\": 50.2}")},
    {"bar", APUS_STR("{\"name\": \"Bar\", \"description\": \"The bartenders\", \"price\": 62, \"tax\": 20.2}")},
    {"baz", APUS_STR("{\"name\": \"Baz\", \"description\": null, \"price\": 50.2, \"tax\": 10.5, \"tags\": []}")},
};

struct read_item_in {
    apus_str item_id;
};
MODEL(read_item_in, PATH(item_id));

static int read_item(apus_request *req, const struct read_item_in *in, struct item *out)
{
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        if (apus_str_is(in->item_id, items[i].id))
            return apus_load(req, item_model, out, items[i].item);
    }
    return http_error(req, 404, "Item not found");
}

ROUTES(routes,
    GET("/items/{item_id}", read_item, read_item_in, item, .exclude_unset = true));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
