#!/bin/bash
# Signs what was pushed. Keyless by default: the identity is the workflow's, which GitHub vouches for (id-token: write).
# usage: scripts/sign.sh NAME@sha256:DIGEST...
#   COSIGN_KEY       a key for cosign (a file, env://NAME, a KMS URI): signs with that, without any service of Sigstore
#   COSIGN_OPTIONS   more options of cosign sign
set -euo pipefail

refuse() { printf 'sign: %s\n' "${*//$'\n'/ }" >&2; exit 2; }

(($#)) || refuse "usage: sign.sh NAME@sha256:DIGEST..."
for reference in "$@"; do
    [[ $reference =~ ^[^@[:space:]]+@sha256:[0-9a-f]{64}$ ]] ||
        refuse "\"$reference\" has no digest; a tag could be moved after it was signed"
done
command -v cosign >/dev/null || refuse "cosign is missing"

options=(--yes)
if [[ -n ${COSIGN_KEY-} ]]; then
    services=$(mktemp -d)
    trap 'rm -rf "$services"' EXIT
    cosign signing-config create --out "$services/none.json"
    options+=(--key "$COSIGN_KEY" --signing-config "$services/none.json")
fi
for reference in "$@"; do
    # shellcheck disable=SC2086
    cosign sign "${options[@]}" ${COSIGN_OPTIONS-} "$reference"
    echo "signed $reference"
done
