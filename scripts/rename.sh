#!/bin/bash
# Puts your names in the place of the examples' in chart/, deploy/ and .github/. Once, in a copy of this repository.
# usage: scripts/rename.sh OWNER/REPOSITORY     on GitHub, in place of acme/hello-fastapi
#   AWS_ACCOUNT, AWS_REGION         in place of 123456789012 and eu-central-1
#   GOOGLE_PROJECT, GOOGLE_REGION   in place of my-project and europe-west3
# What is not given stays. A refusal has status 2, says why in one line and changes nothing.
set -euo pipefail

cd "$(dirname "$0")/.."
refuse() { printf 'rename: %s\n' "${*//$'\n'/ }" >&2; exit 2; }

# given NAME EXAMPLE PATTERN: the value of the variable, the example's when it has none.
given() {
    local value=${!1:-$2}
    [[ $value =~ ^$3$ ]] || refuse "$1: \"$value\" (expected one such as $2)"
    echo "$value"
}

(($# == 1)) || refuse "usage: rename.sh OWNER/REPOSITORY"
repository=$1
[[ $repository =~ ^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$ ]] ||
    refuse "\"$repository\" (expected owner and name, such as acme/hello-fastapi)"
owner=${repository%/*}
account=$(given AWS_ACCOUNT 123456789012 '[0-9]{12}')
region=$(given AWS_REGION eu-central-1 '[a-z]{2,}(-[a-z]+)+-[0-9]')
project=$(given GOOGLE_PROJECT my-project '[a-z][a-z0-9-]{4,28}[a-z0-9]')
google_region=$(given GOOGLE_REGION europe-west3 '[a-z]+-[a-z]+[0-9]+')

# By way of marks, since a new name may hold an old one. A registry takes lower case only.
marks=(-e $'s#ghcr\\.io/acme#\x01g#g' -e $'s#acme/hello-fastapi#\x01r#g' -e $'s#acme#\x01o#g' -e $'s#123456789012#\x01a#g'
    -e $'s#eu-central-1#\x01e#g' -e $'s#my-project#\x01p#g' -e $'s#europe-west3#\x01w#g')
names=(-e $'s#\x01g#'"ghcr.io/${owner,,}#g" -e $'s#\x01r#'"$repository#g" -e $'s#\x01o#'"$owner#g" -e $'s#\x01a#'"$account#g"
    -e $'s#\x01e#'"$region#g" -e $'s#\x01p#'"$project#g" -e $'s#\x01w#'"$google_region#g")
mapfile -d '' files < <(grep -rlZE 'acme|123456789012|eu-central-1|my-project|europe-west3' .github chart deploy || true)
((${#files[@]})) || refuse "no name of the examples is left"
sed -i "${marks[@]}" "${names[@]}" "${files[@]}"
echo "${#files[@]} files name $repository"
