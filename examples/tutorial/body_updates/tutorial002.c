#include <apus.h>
#include <stdlib.h>

struct item {
    apus_opt_str name, description;
    apus_opt_double price;
    double tax;
    LISTOF(apus_str) tags;
};
MODEL(item, SCHEMA("Item"),
    FIELD(name),
    FIELD(description),
    FIELD(price),
    FIELD(tax, .fallback = 10.5),
    LIST(tags, apus_str, .fallback_json = "[]"));

static struct entry {
    const char *id;
    apus_str item; /* as JSON */
    char *kept;
} items[] = {
    {"foo", APUS_STR("{\"name\": \"Foo\", \"price\": 50.2}")},
    {"bar", APUS_STR("{\"name\": \"Bar\", \"description\": \"The bartenders\", \"price\": 62, \"tax\": 20.2}")},
    {"baz", APUS_STR("{\"name\": \"Baz\", \"description\": null, \"price\": 50.2, \"tax\": 10.5, \"tags\": []}")},
};

static struct entry *find(apus_str id)
{
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        if (apus_str_is(id, items[i].id))
            return &items[i];
    }
    return NULL;
}

static int load(apus_request *req, apus_str id, struct item *out)
{
    struct entry *entry = find(id);
    if (!entry)
        return http_error(req, 404, "Item not found");
    return apus_load(req, item_model, out, apus_copy(req, entry->item));
}

static void store(apus_str id, apus_str item)
{
    struct entry *entry = find(id);
    char *kept = apus_strdup(item);
    if (!kept)
        return;
    free(entry->kept);
    entry->kept = kept;
    entry->item = apus_cstr(kept);
}

struct read_item_in {
    apus_str item_id;
};
MODEL(read_item_in, PATH(item_id));

static int read_item(apus_request *req, const struct read_item_in *in, struct item *out)
{
    return load(req, in->item_id, out);
}

struct update_item_in {
    apus_str item_id;
    struct item item;
};
MODEL(update_item_in, PATH(item_id), BODY(item, item));

static int update_item(apus_request *req, const struct update_item_in *in, struct item *out)
{
    int result = load(req, in->item_id, out);
    if (result < 0)
        return result;
    apus_update(req, item_model, out, &in->item);
    store(in->item_id, apus_dump(req, item_model, out).text);
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_item, read_item_in, item),
    PATCH("/items/{item_id}", update_item, update_item_in, item));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes, .workers = 1});
}
