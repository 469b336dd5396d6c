/* TLS: one context for the process. */
#include "http/private.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

static SSL_CTX *context;

SSL_CTX *tls_context(void)
{
    return context;
}

static bool fail(SSL_CTX *made, const char *variable, const char *file, const char *expected, char *error, size_t error_size)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(error, error_size, "%s=%s: expected %s (%s)", variable, file, expected, reason ? reason : "cannot be read");
    ERR_clear_error();
    SSL_CTX_free(made);
    return false;
}

static void offer_protocols(SSL_CTX *made)
{
    static const h2o_iovec_t http1_only[] = {{(char *)(uintptr_t) "http/1.1", 8}, {NULL, 0}};
    static const h2o_iovec_t both[] = {{(char *)(uintptr_t) "h2", 2}, {(char *)(uintptr_t) "http/1.1", 8}, {NULL, 0}};
    h2o_ssl_register_alpn_protocols(made, http_options.http2 ? both : http1_only);
}

bool tls_configure(char *error, size_t error_size)
{
    const char *certificate = http_options.tls_cert ? http_options.tls_cert : "";
    const char *key = http_options.tls_key ? http_options.tls_key : "";
    SSL_CTX_free(context);
    context = NULL;
    if (!*certificate && !*key)
        return true;
    if (!*certificate || !*key) {
        snprintf(error, error_size, "%s: expected a file, since %s is set", *key ? "TLS_CERT" : "TLS_KEY",
                 *key ? "TLS_KEY" : "TLS_CERT");
        return false;
    }
    SSL_CTX *made = SSL_CTX_new(TLS_server_method());
    if (!made || SSL_CTX_use_certificate_chain_file(made, certificate) != 1)
        return fail(made, "TLS_CERT", certificate, "a certificate chain in PEM", error, error_size);
    if (SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(made) != 1)
        return fail(made, "TLS_KEY", key, "the private key of TLS_CERT in PEM", error, error_size);
    SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
    SSL_CTX_set_options(made, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
    offer_protocols(made);
    context = made;
    return true;
}
