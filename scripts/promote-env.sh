#!/bin/bash
# Writes an image tag and a chart version into the environment repository (deploy/env-repo is its template), which Argo CD follows.
# usage: scripts/promote-env.sh [--pull-request] ENV IMAGE_TAG CHART_VERSION
#   ENV_REPO         URL or path of the environment repository
#   ENV_BRANCH       its branch (main)
#   ENV_REPO_TOKEN   token for an https URL; it also opens the pull request
#   IMAGE_DIGEST     sha256:… of the image. Without it a digest that stands there is emptied: it would win over the new tag
#   PROMOTE_AS       push (the default), or pull-request: a branch promote/ENV-IMAGE_TAG and a pull request, which is opened when
#                    there is a token and the repository is on GitHub; else the command that goes on is printed
#   GITHUB_SERVER_URL, GITHUB_API_URL   another GitHub than github.com, as Actions sets them
# Production (prod, production, prod-…) takes released versions only. Nothing to change: no commit, status 0. A refusal has status 2,
# a failure 1; both say why in one line and change nothing.
set -euo pipefail

# shellcheck source=scripts/git-edit.sh
source "$(dirname "$0")/git-edit.sh"
# shellcheck source=scripts/versions.sh
source "$(dirname "$0")/versions.sh"

as=${PROMOTE_AS:-push}
if [[ ${1-} == --pull-request ]]; then
    as=pull-request
    shift
fi
(($# == 3)) || refuse "usage: promote-env.sh [--pull-request] ENV IMAGE_TAG CHART_VERSION"
env=$1 image_tag=$2 chart_version=$3
branch=${ENV_BRANCH:-main}
repository=${ENV_REPO:-}
digest=${IMAGE_DIGEST:-}
token=${ENV_REPO_TOKEN:-}
server=${GITHUB_SERVER_URL:-https://github.com}
server=${server%/}

check_arguments() {
    [[ $env =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ ]] || refuse "\"$env\" is not the name of an environment (expected one such as dev or prod)"
    [[ -n $image_tag ]] || refuse "$env: the image tag is empty"
    is_image_tag "$image_tag" || refuse "$env: \"$image_tag\" is not an image tag"
    [[ -n $chart_version ]] || refuse "$env: the chart version is empty"
    if [[ $env =~ ^prod(uction)?(-|$) ]]; then
        local wanted="is not a released version (expected one such as 1.2.0)"
        is_release "$image_tag" || refuse "$env: image tag \"$image_tag\" $wanted"
        is_release "$chart_version" || refuse "$env: chart version \"$chart_version\" $wanted"
    fi
    is_semver "$chart_version" || refuse "$env: chart version \"$chart_version\" is not a semantic version"
    [[ -z $digest || $digest =~ ^sha256:[0-9a-f]{64}$ ]] ||
        refuse "IMAGE_DIGEST: \"$digest\" is not a digest (expected sha256: and 64 digits)"
    [[ $as == push || $as == pull-request ]] || refuse "PROMOTE_AS: \"$as\" (expected push or pull-request)"
    [[ -n $repository ]] || refuse "ENV_REPO is not set (the environment repository, such as https://github.com/acme/environments.git)"
}

# Where the chart's version stands: the one source of the Application that has a chart.
chart_path() {
    local file=$1 many='.spec.sources[] | select(has("chart"))' count
    count=$(yq "select(.kind == \"Application\") | [$many] | length" "$file" 2>/dev/null || true)
    if [[ $count == 1 ]]; then
        echo "($many | .targetRevision)"
    elif [[ $(yq 'select(.kind == "Application") | .spec.source | has("chart")' "$file" 2>/dev/null || true) == true ]]; then
        echo ".spec.source.targetRevision"
    else
        return 1
    fi
}

# Names of the environments that are whole.
known() {
    local file name
    for file in "$1"/apps/*.yaml; do
        name=$(basename "$file" .yaml)
        [[ ! -f $1/envs/$name/values.yaml ]] || echo "$name"
    done | paste -s -d ' '
}

edit() {
    local values=$1/envs/$env/values.yaml application=$1/apps/$env.yaml path
    [[ -f $values && -f $application ]] ||
        refuse "unknown environment \"$env\": no envs/$env/values.yaml with apps/$env.yaml in $(shown "$repository")" \
            "(known: $(known "$1"))"
    [[ $(yq '.image | tag' "$values" 2>/dev/null) == '!!map' ]] || refuse "envs/$env/values.yaml is not YAML with a map \"image\""
    path=$(chart_path "$application") || refuse "apps/$env.yaml is not one Application with exactly one chart among its sources"
    change "$values" .image.tag "$image_tag"
    change "$values" .image.digest "$digest"
    change "$application" "$path" "$chart_version"
}

change() {
    yaml_is "$@" || yaml_set "$@"
}

message() {
    echo "$env: image $image_tag, chart $chart_version"
    [[ -z ${GITHUB_REPOSITORY-} ]] || printf '\n%s\n' "From $GITHUB_REPOSITORY at ${GITHUB_SHA-}"
    [[ -z ${GITHUB_RUN_ID-} ]] || echo "$server/${GITHUB_REPOSITORY-}/actions/runs/$GITHUB_RUN_ID"
}

# OWNER/NAME of a repository on the GitHub that is asked; nothing for a path or another server, which must not see its token there.
repository_name() {
    local host=${server#*://} there name
    if [[ $repository =~ ^https?://([^/@]*@)?([^/]+)/([^/]+/[^/]+)$ ]]; then
        there=${BASH_REMATCH[2]} name=${BASH_REMATCH[3]}
    elif [[ $repository =~ ^ssh://([^/@]*@)?([^/:]+)(:[0-9]+)?/([^/]+/[^/]+)$ ]]; then
        there=${BASH_REMATCH[2]} name=${BASH_REMATCH[4]} host=${host%:*}
    elif [[ $repository =~ ^[^/@]+@([^/:]+):([^/]+/[^/]+)$ ]]; then
        there=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]} host=${host%:*}
    fi
    [[ ${there-} != "" && ${there,,} == "${host,,}" ]] && echo "${name%.git}"
}

api_url() {
    if [[ -n ${GITHUB_API_URL-} ]]; then
        echo "$GITHUB_API_URL"
    elif [[ $server == https://github.com ]]; then
        echo https://api.github.com
    else
        echo "$server/api/v3"
    fi
}

# api METHOD PATH [BODY]: prints the answer, its last line is the status. The token is in no argument.
api() {
    curl -sS -m 30 -X "$1" -w '\n%{http_code}\n' -H 'Accept: application/vnd.github+json' ${3+-d "$3"} -K - \
        "$(api_url)/$2" <<<"header = \"Authorization: Bearer $token\""
}

open_command() {
    local host=${server#*://}/
    if [[ -n $1 ]]; then
        printf 'gh pr create --repo %s --base %s --head %s --title %q --body ""\n' "${host#github.com/}$1" "$branch" "$target" "$2"
    else
        printf 'git fetch %q %s && git push %q FETCH_HEAD:%s\n' "$repository" "$target" "$repository" "$branch"
    fi
}

open_pull_request() {
    local name title body answer status
    name=$(repository_name || true)
    title=$(message | head -n 1)
    if [[ -z $token || -z $name || ! $repository =~ ^https?: ]]; then
        echo "$env: branch $target is pushed; propose it with: $(open_command "$name" "$title")"
        return
    fi
    body=$(TITLE=$title HEAD=$target BASE=$branch TEXT=$(message | tail -n +3) yq -n -o json -I 0 \
        '{"title": strenv(TITLE), "head": strenv(HEAD), "base": strenv(BASE), "body": strenv(TEXT)}')
    answer=$(api POST "repos/$name/pulls" "$body" 2>&1) || true
    status=${answer##*$'\n'}
    if [[ $status == 422 ]]; then
        answer=$(api GET "repos/$name/pulls?state=open&base=$branch&head=${name%%/*}:$target" 2>&1) || true
        [[ $(sed '$d' <<<"$answer" | yq -p json 'length' 2>/dev/null) != 1 ]] || {
            echo "$env: pull request $(sed '$d' <<<"$answer" | yq -p json '.[0].html_url') is up to date"
            return
        }
    fi
    [[ $status == 201 ]] || fail "$env: branch $target is pushed, but the pull request was not opened ($(explain "$answer"));" \
        "open it with: $(open_command "$name" "$title")"
    echo "$env: opened $(sed '$d' <<<"$answer" | yq -p json .html_url)"
}

# Status and words of an answer of the API, or what curl said.
explain() {
    local words
    words=$(sed '$d' <<<"$1" | yq -p json '.message' 2>/dev/null) && [[ ${1##*$'\n'} =~ ^[1-5][0-9][0-9]$ ]] || words=$(head -n 1 <<<"$1")
    echo "${1##*$'\n'}: $words"
}

check_arguments
need_edit_tools
git_token "$repository" "$token"
target=$branch
[[ $as == push ]] || target=promote/$env-$image_tag
edit_branch "$repository" "$branch" "$target" "$(message)"
if [[ -z $edited ]]; then
    echo "$env: nothing to change, image $image_tag and chart $chart_version are there already"
elif [[ $as == push ]]; then
    echo "$env: image $image_tag and chart $chart_version pushed to $branch as ${edited:0:12}"
else
    open_pull_request
fi
