#!/bin/bash
# Lints the chart and renders it, as it is and with each of its values files.
# usage: scripts/check-chart.sh [CHART]   (chart)
set -euo pipefail

chart=${1:-chart}
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

check() {
    local name=$1
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$name:"
        grep -vE '^$|^==>|chart\(s\) (linted|failed)' "$log" | sed 's/^/    /'
    fi
}

[[ -f $chart/Chart.yaml ]] || { echo "check-chart: no chart in $chart" >&2; exit 2; }
command -v helm >/dev/null || { echo "check-chart: helm is missing" >&2; exit 1; }
shopt -s nullglob
check "lint" helm lint --strict "$chart"
check "render" helm template release "$chart"
for values in "$chart"/values-*.yaml "$chart"/ci/*.yaml deploy/*/values.yaml; do
    check "lint with $values" helm lint --strict "$chart" -f "$values"
    check "render with $values" helm template release "$chart" -f "$values"
done
echo "$passed passed, $failed failed"
exit $((failed > 0))
