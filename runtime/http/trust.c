/* Which proxies are believed, and what they say of the client. */
#include "http/private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

/* All addresses are IPv6 here: IPv4 as ::ffff:a.b.c.d. */
typedef struct network {
    struct in6_addr address;
    unsigned bits;
} network;

static struct {
    network networks[TRUST_NETWORKS];
    size_t count;
    bool all;
} trusted;

static bool address_of(const char *text, struct in6_addr *address, unsigned *bits)
{
    struct in_addr v4;
    if (inet_pton(AF_INET6, text, address) == 1) {
        *bits = 128;
        return true;
    }
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    *address = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&address->s6_addr[12], &v4, 4);
    *bits = 32;
    return true;
}

static bool network_of(apus_str text, network *n)
{
    char copy[INET6_ADDRSTRLEN + 8];
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *slash = strchr(copy, '/'), *end = NULL;
    if (slash)
        *slash = '\0';
    unsigned width;
    if (!address_of(copy, &n->address, &width))
        return false;
    unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : width;
    if (slash && (end == slash + 1 || *end || slash[1] < '0' || slash[1] > '9' || bits > width))
        return false;
    n->bits = (unsigned)bits + (128 - width);
    return true;
}

static apus_str trim(apus_str text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = (apus_str){text.ptr + 1, text.len - 1};
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

bool trust_configure(const char *list, char *error, size_t error_size)
{
    trusted.count = 0;
    trusted.all = false;
    for (const char *at = list ? list : "", *next; *at; at = next) {
        size_t length = strcspn(at, ",");
        next = at + length + (at[length] == ',');
        apus_str word = trim((apus_str){at, length});
        if (apus_str_is(word, "*")) {
            trusted.all = true;
        } else if (word.len) {
            if (trusted.count == TRUST_NETWORKS || !network_of(word, &trusted.networks[trusted.count++])) {
                snprintf(error, error_size,
                         "FORWARDED_ALLOW_IPS=%s: \"%.*s\" is not an address or a network; expected at most %d of them, "
                         "separated by commas, or *",
                         list, (int)word.len, word.ptr, TRUST_NETWORKS);
                return false;
            }
        }
    }
    return true;
}

static bool network_has(const network *n, const struct in6_addr *address)
{
    unsigned bytes = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->address.s6_addr, address->s6_addr, bytes) != 0)
        return false;
    return rest == 0 || ((n->address.s6_addr[bytes] ^ address->s6_addr[bytes]) >> (8 - rest)) == 0;
}

static bool trusts(const struct in6_addr *address)
{
    for (size_t i = 0; i < trusted.count; i++)
        if (network_has(&trusted.networks[i], address))
            return true;
    return trusted.all;
}

bool trust_peer(const char *peer)
{
    struct in6_addr address;
    unsigned bits;
    return trusted.all || (address_of(peer, &address, &bits) && trusts(&address));
}

/* An address as proxies write it: also `[v6]:port` and `v4:port`. */
static bool hop_address(apus_str hop, apus_str *text, struct in6_addr *address)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned bits;
    const char *bracket = hop.len && hop.ptr[0] == '[' ? memchr(hop.ptr, ']', hop.len) : NULL;
    const char *colon = memchr(hop.ptr, ':', hop.len);
    if (bracket)
        hop = (apus_str){hop.ptr + 1, (size_t)(bracket - hop.ptr) - 1};
    else if (colon && !memchr(colon + 1, ':', hop.len - (size_t)(colon + 1 - hop.ptr)))
        hop.len = (size_t)(colon - hop.ptr);
    if (hop.len >= sizeof copy)
        return false;
    memcpy(copy, hop.ptr, hop.len);
    copy[hop.len] = '\0';
    *text = hop;
    return address_of(copy, address, &bits);
}

/* From the right, the first that no trusted proxy has; when all are trusted, the leftmost. What is no address ends the search. */
apus_str trust_client(apus_str forwarded_for, apus_str peer)
{
    apus_str client = peer;
    while (forwarded_for.len) {
        size_t start = forwarded_for.len;
        while (start && forwarded_for.ptr[start - 1] != ',')
            start--;
        apus_str hop = trim((apus_str){forwarded_for.ptr + start, forwarded_for.len - start});
        forwarded_for.len = start ? start - 1 : 0;
        struct in6_addr address;
        apus_str text;
        if (hop.len == 0 || !hop_address(hop, &text, &address))
            break;
        client = text;
        if (!trusts(&address))
            break;
    }
    return client;
}
