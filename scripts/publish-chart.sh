#!/bin/bash
# Packages the chart with these versions and pushes it to a registry. What is in the tree stays as it is.
# usage: scripts/publish-chart.sh CHART_VERSION APP_VERSION
#   CHARTS              registry and folder, such as ghcr.io/acme/charts
#   IMAGE               the image that the packaged chart names by default (image.repository)
#   IMAGE_TAG           its tag (image.tag), where that is not APP_VERSION, which the chart takes by itself
#   CHART               folder of the chart (chart)
#   HELM_PUSH_OPTIONS   more options of helm push, such as --plain-http
# Prints chart (registry, folder and name) and chart_digest as KEY=VALUE lines.
set -euo pipefail

# shellcheck source=scripts/git-edit.sh
source "$(dirname "$0")/git-edit.sh"
# shellcheck source=scripts/versions.sh
source "$(dirname "$0")/versions.sh"

(($# == 2)) || refuse "usage: publish-chart.sh CHART_VERSION APP_VERSION"
version=$1 app_version=$2
charts=${CHARTS:-}
source=${CHART:-chart}
is_semver "$version" || refuse "chart version \"$version\" is not a semantic version"
[[ -n $app_version ]] || refuse "the application's version is empty"
[[ -n $charts && $charts != *://* ]] ||
    refuse "CHARTS: \"$charts\" (expected registry and folder without a scheme, such as ghcr.io/acme/charts)"
[[ -z ${IMAGE_TAG-} ]] || is_image_tag "$IMAGE_TAG" || refuse "IMAGE_TAG: \"$IMAGE_TAG\" is not an image tag"
[[ -f $source/Chart.yaml ]] || refuse "no chart in $source"
command -v helm >/dev/null || fail "helm is missing"

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cp -R "$source" "$temporary/chart"
[[ -z ${IMAGE-}${IMAGE_TAG-} ]] || need_edit_tools
[[ -z ${IMAGE-} ]] || yaml_set "$temporary/chart/values.yaml" .image.repository "$IMAGE"
[[ -z ${IMAGE_TAG-} ]] || yaml_set "$temporary/chart/values.yaml" .image.tag "$IMAGE_TAG"
helm package "$temporary/chart" --version "$version" --app-version "$app_version" -d "$temporary" >"$temporary/said" 2>&1 ||
    fail "helm package: $(last_line "$temporary/said")"
package=("$temporary"/*.tgz)
# shellcheck disable=SC2086
helm push "${package[0]}" "oci://$charts" ${HELM_PUSH_OPTIONS-} >"$temporary/said" 2>&1 ||
    fail "helm push to $charts: $(last_line "$temporary/said")"
digest=$(sed -n 's/^Digest: *//p' "$temporary/said")
[[ $digest == sha256:* ]] || fail "helm push named no digest: $(last_line "$temporary/said")"
name=$(basename "${package[0]}" "-$version.tgz")
printf 'chart=%s\nchart_digest=%s\n' "$charts/$name" "$digest"
say_line "$charts/$name $version pushed"
