# shellcheck shell=bash
# Sourced: what counts as a version, as a release, as an image tag.

is_semver() {
    local number='(0|[1-9][0-9]*)' identifier='(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)'
    [[ $1 =~ ^$number\.$number\.$number(-$identifier(\.$identifier)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$ ]]
}

# A semantic version that an image and a chart can both carry, and no build of the main branch (1.2.0-dev.7).
is_release() { is_semver "$1" && [[ $1 != *+* && ! $1 =~ -dev(\.|$) ]]; }

is_image_tag() { [[ $1 =~ ^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$ ]]; }
