#!/bin/bash
# Names and versions of what a pipeline publishes, as KEY=VALUE lines for $GITHUB_OUTPUT.
# usage: scripts/pipeline-names.sh preview|dev|release|ecr
#   REGISTRY     registry and owner, such as ghcr.io/acme       IMAGE_NAME          name of the image (hello-fastapi)
#   GITHUB_SHA   the commit, in full                            GITHUB_RUN_NUMBER   dev: number of the run
#   GITHUB_REF_NAME   release: the tag, v1.2.0                  PULL_REQUEST        preview: its number
# Prints image, image_tag, tags (with commas), version, created, charts and registry_host; for dev and release also chart_version.
set -euo pipefail

# shellcheck source=scripts/versions.sh
source "$(dirname "$0")/versions.sh"
refuse() { printf 'pipeline-names: %s\n' "${*//$'\n'/ }" >&2; exit 2; }

# Registries take lower case only, and an owner on GitHub may have capitals.
registry=${REGISTRY:-}
registry=${registry,,}
registry=${registry%/}
name=${IMAGE_NAME:-hello-fastapi}
name=${name,,}
commit=${GITHUB_SHA:-}
[[ -n $registry && $registry != *://* ]] ||
    refuse "REGISTRY: \"$registry\" (expected host and owner without a scheme, such as ghcr.io/acme)"
[[ $name =~ ^[a-z0-9]+([._-]+[a-z0-9]+)*$ ]] || refuse "IMAGE_NAME: \"$name\" is not the name of an image"
[[ $commit =~ ^[0-9a-f]{40}$ ]] || refuse "GITHUB_SHA: \"$commit\" is not a full commit"
image=$registry/$name

case ${1-} in
    preview)
        [[ ${PULL_REQUEST-} =~ ^[1-9][0-9]*$ ]] || refuse "PULL_REQUEST: \"${PULL_REQUEST-}\" is not a number"
        image_tag=pr-$PULL_REQUEST version=$commit chart_version="" more=""
        ;;
    dev)
        [[ ${GITHUB_RUN_NUMBER-} =~ ^[1-9][0-9]*$ ]] || refuse "GITHUB_RUN_NUMBER: \"${GITHUB_RUN_NUMBER-}\" is not a number"
        image_tag=sha-$commit version=$commit chart_version=0.1.0-dev.$GITHUB_RUN_NUMBER more=main
        ;;
    release)
        version=${GITHUB_REF_NAME-}
        { [[ $version == v* ]] && is_release "${version#v}"; } || refuse "tag \"$version\" is not a release (expected one such as v1.2.0)"
        version=${version#v}
        image_tag=$version chart_version=$version more=sha-$commit
        ;;
    ecr) image_tag=${commit:0:7} version=$commit chart_version="" more="" ;;
    *) refuse "usage: pipeline-names.sh preview|dev|release|ecr" ;;
esac
# The commit's time: with the hour of the build each build of a commit would be another image. Without its repository, now.
created=$(git log -1 --format=%cI "$commit" 2>/dev/null) || created=$(date -u +%Y-%m-%dT%H:%M:%SZ)
cat <<TEXT
image=$image
image_tag=$image_tag
tags=$image:$image_tag${more:+,$image:$more}
version=$version
created=$created
charts=$registry/charts
registry_host=${registry%%/*}
TEXT
[[ -z $chart_version ]] || echo "chart_version=$chart_version"
