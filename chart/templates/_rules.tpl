{{/* (list $ SEVERITY) */}}
{{- define "hello-fastapi.ruleLabels" -}}
labels:
  severity: {{ last . | quote }}
{{- end }}

{{- define "hello-fastapi.ruleRunbook" -}}
{{- with .Values.prometheusRule.runbookUrl }}
runbook_url: {{ . | quote }}
{{- end }}
{{- end }}

{{/*
The alerts. They name only what /metrics shows, so that they need no other exporter. A restart shows as a counter that begins
anew; pods that a rollout brings have series of their own.
*/}}
{{- define "hello-fastapi.rules" -}}
{{- $rule := .Values.prometheusRule }}
{{- $all := $rule.selector | default (printf `namespace="%s",job="%s"` .Release.Namespace (include "hello-fastapi.suffixed" (list . "metrics"))) }}
{{- $routes := printf `%s,http_route!~%q` $all $rule.excludeRoutes }}
{{- $runbook := include "hello-fastapi.ruleRunbook" . | trim }}
- alert: HighLatency
  expr: |-
    histogram_quantile(0.95, sum by (namespace, job, le) (rate(http_server_request_duration_seconds_bucket{ {{- $routes -}} }[5m]))) > {{ $rule.latency.p95Seconds }}
    and sum by (namespace, job) (rate(http_server_request_duration_seconds_count{ {{- $routes -}} }[5m])) >= {{ $rule.minimumRequestRate }}
  for: {{ $rule.latency.for }}
  {{- include "hello-fastapi.ruleLabels" (list . $rule.latency.severity) | nindent 2 }}
  annotations:
    summary: Requests are slow
    description: {{ printf `One request in twenty takes over %v s; the 95th percentile is {{ $value | humanizeDuration }}.` $rule.latency.p95Seconds | quote }}
    {{- with $runbook }}
    {{- . | nindent 4 }}
    {{- end }}
- alert: HighErrorRate
  expr: |-
    sum by (namespace, job) (rate(http_server_request_duration_seconds_count{ {{- $routes -}} ,http_response_status_class="5xx"}[5m]))
    / sum by (namespace, job) (rate(http_server_request_duration_seconds_count{ {{- $routes -}} }[5m])) > {{ $rule.errors.ratio }}
    and sum by (namespace, job) (rate(http_server_request_duration_seconds_count{ {{- $routes -}} }[5m])) >= {{ $rule.minimumRequestRate }}
  for: {{ $rule.errors.for }}
  {{- include "hello-fastapi.ruleLabels" (list . $rule.errors.severity) | nindent 2 }}
  annotations:
    summary: Requests fail
    description: {{ `{{ $value | humanizePercentage }} of the answers are 5xx.` | quote }}
    {{- with $runbook }}
    {{- . | nindent 4 }}
    {{- end }}
- alert: PoolExhausted
  expr: |-
    sum by (namespace, job, pod) (increase(db_client_connection_timeouts_total{ {{- $all -}} }[5m])) > 0
    or max by (namespace, job, pod) (min_over_time(db_client_connection_pending_requests{ {{- $all -}} }[2m])) > 0
  for: {{ $rule.pool.for }}
  {{- include "hello-fastapi.ruleLabels" (list . $rule.pool.severity) | nindent 2 }}
  annotations:
    summary: The Postgres pool is exhausted
    description: {{ `Statements of the pod {{ $labels.pod }} wait for a connection, or gave up: look for slow statements before you raise database.poolMax.` | quote }}
    {{- with $runbook }}
    {{- . | nindent 4 }}
    {{- end }}
- alert: DatabaseUnreachable
  expr: |-
    sum by (namespace, job) (increase(db_client_connection_dial_failures_total{ {{- $all -}} }[2m])) > 0
  for: {{ $rule.database.for }}
  {{- include "hello-fastapi.ruleLabels" (list . $rule.database.severity) | nindent 2 }}
  annotations:
    summary: Connections to Postgres fail
    description: {{ `{{ $value | humanize }} dials failed in two minutes: Postgres is away, refuses the password, or has no connection left.` | quote }}
    {{- with $runbook }}
    {{- . | nindent 4 }}
    {{- end }}
- alert: PodRestarted
  expr: |-
    sum by (namespace, job, pod) (resets(process_cpu_seconds_total{ {{- $all -}} }[{{ $rule.restarts.window }}])) > 0
  {{- include "hello-fastapi.ruleLabels" (list . $rule.restarts.severity) | nindent 2 }}
  annotations:
    summary: A pod was restarted
    description: {{ printf `The process of the pod {{ $labels.pod }} began anew {{ $value | humanize }} times in %s: kubectl describe pod tells why.` $rule.restarts.window | quote }}
    {{- with $runbook }}
    {{- . | nindent 4 }}
    {{- end }}
- alert: SlowRoute
  expr: |-
    histogram_quantile(0.95, sum by (namespace, job, http_request_method, http_route, le) (rate(http_server_request_duration_seconds_bucket{ {{- $routes -}} }[5m]))) > {{ $rule.slowRoute.p95Seconds }}
    and sum by (namespace, job, http_request_method, http_route) (rate(http_server_request_duration_seconds_count{ {{- $routes -}} }[5m])) >= {{ $rule.slowRoute.minimumRequestRate }}
  for: {{ $rule.slowRoute.for }}
  {{- include "hello-fastapi.ruleLabels" (list . $rule.slowRoute.severity) | nindent 2 }}
  annotations:
    summary: A route is slow
    description: {{ printf `One request in twenty to {{ $labels.http_request_method }} {{ $labels.http_route }} takes over %v s; SLOW REQUEST in the log says where the time goes.` $rule.slowRoute.p95Seconds | quote }}
    {{- with $runbook }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}
