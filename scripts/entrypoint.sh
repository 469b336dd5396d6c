#!/bin/sh
# Puts PRIVATE_KEY into the file PRIVATE_KEY_PATH, for programs that read their key from a file; then becomes the program.
# usage: entrypoint.sh PROGRAM [ARGUMENT...]     (`app entrypoint --` does the same where there is no shell)
set -eu

fail() { echo "$2" >&2; exit "$1"; }

write_key() {
    umask 077
    mkdir -p "$(dirname "$PRIVATE_KEY_PATH")" && [ ! -L "$PRIVATE_KEY_PATH" ] && : >>"$PRIVATE_KEY_PATH" &&
        chmod 600 "$PRIVATE_KEY_PATH" && printf '%s\n' "$PRIVATE_KEY" >"$PRIVATE_KEY_PATH"
}

if [ -n "${PRIVATE_KEY-}" ] && [ -n "${PRIVATE_KEY_PATH-}" ]; then
    (write_key) 2>/dev/null || fail 1 "PRIVATE_KEY_PATH=$PRIVATE_KEY_PATH: cannot write the key"
    unset PRIVATE_KEY
fi
[ $# -gt 0 ] || fail 2 "entrypoint.sh: which program?"
exec "$@"
