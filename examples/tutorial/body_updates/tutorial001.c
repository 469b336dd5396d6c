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
    struct entry *next;
    const char *id;
    apus_str item; /* as JSON */
    char *kept;
} items[] = {
    {&items[1], "foo", APUS_STR("{\"name\": \"Foo\", \"price\": 50.2}"), NULL},
    {&items[2], "bar", APUS_STR("{\"name\": \"Bar\", \"description\": \"The bartenders\", \"price\": 62, \"tax\": 20.2}"), NULL},
    {NULL, "baz", APUS_STR("{\"name\": \"Baz\", \"description\": null, \"price\": 50.2, \"tax\": 10.5, \"tags\": []}"), NULL},
};

static struct entry *find(apus_str id)
{
    struct entry *entry = items;
    while (entry && !apus_str_is(id, entry->id))
        entry = entry->next;
    return entry;
}

static struct entry *add(apus_str id)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry || !(entry->id = apus_strdup(id))) {
        free(entry);
        return NULL;
    }
    entry->next = items->next;
    return items->next = entry;
}

struct read_item_in {
    apus_str item_id;
};
MODEL(read_item_in, PATH(item_id));

static int read_item(apus_request *req, const struct read_item_in *in, struct item *out)
{
    const struct entry *entry = find(in->item_id);
    if (!entry)
        return http_error(req, 404, "Item not found");
    return apus_load(req, item_model, out, apus_copy(req, entry->item));
}

struct update_item_in {
    apus_str item_id;
    struct item item;
};
MODEL(update_item_in, PATH(item_id), BODY(item, item));

static int update_item(apus_request *req, const struct update_item_in *in, struct item *out)
{
    struct entry *entry = find(in->item_id);
    char *kept = apus_strdup(apus_dump(req, item_model, &in->item).text);
    if (!kept || (!entry && !(entry = add(in->item_id)))) {
        free(kept);
        return APUS_ENOMEM;
    }
    free(entry->kept);
    entry->kept = kept;
    entry->item = apus_cstr(kept);
    *out = in->item;
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_item, read_item_in, item),
    PUT("/items/{item_id}", update_item, update_item_in, item));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes, .workers = 1});
}
