#!/bin/bash
# Writes an image tag into a values file of this repository's main branch, which Argo CD follows where chart and values stand
# beside the code (deploy/argocd/application-single-source.yaml).
# usage: scripts/commit-image-tag.sh FILE TAG
#   REPO         URL or path of the repository
#   BRANCH       its branch (main)
#   REPO_TOKEN   token for an https URL
# Nothing to change: no commit, status 0. A refusal has status 2, a failure 1; both say why in one line and change nothing.
set -euo pipefail

# shellcheck source=scripts/git-edit.sh
source "$(dirname "$0")/git-edit.sh"
# shellcheck source=scripts/versions.sh
source "$(dirname "$0")/versions.sh"

(($# == 2)) || refuse "usage: commit-image-tag.sh FILE TAG"
file=$1 tag=$2
branch=${BRANCH:-main}
[[ -n $tag ]] || refuse "the image tag is empty"
is_image_tag "$tag" || refuse "\"$tag\" is not an image tag"
[[ ! $tag =~ ^(latest|main|dev)$ ]] || refuse "\"$tag\" moves, so nothing would be rolled out (expected the tag of one commit)"
[[ $file != /* && /$file/ != */../* ]] || refuse "\"$file\" is not a path inside the repository"
[[ -n ${REPO-} ]] || refuse "REPO is not set (the repository's URL, such as https://github.com/acme/hello-fastapi.git)"

edit() {
    [[ -f $1/$file ]] || refuse "no $file in $(shown "$REPO")"
    [[ $(yq '.image | tag' "$1/$file" 2>/dev/null) == '!!map' ]] || refuse "$file is not YAML with a map \"image\""
    yaml_is "$1/$file" .image.tag "$tag" || yaml_set "$1/$file" .image.tag "$tag"
}

need_edit_tools
git_token "$REPO" "${REPO_TOKEN-}"
edit_branch "$REPO" "$branch" "$branch" "$file: image $tag [skip ci]"
if [[ -z $edited ]]; then
    echo "nothing to change, $file has image $tag already"
else
    echo "$file: image $tag pushed to $branch as ${edited:0:12}"
fi
