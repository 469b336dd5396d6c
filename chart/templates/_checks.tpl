{{/*
A setting that the chart computes with, wherever it was set: (list $ "DRAIN_DELAY"). Not 020: the service reads 20 there, a template
reads 16. Only times have decimals.
*/}}
{{- define "hello-fastapi.number" -}}
{{- $name := last . }}
{{- $value := get (include "hello-fastapi.envMap" (dict "root" (first .) "job" false) | fromYaml) $name }}
{{- if kindIs "map" $value }}
{{- fail (printf "env.%s: the chart computes with it, so it must be a plain value, not valueFrom" $name) }}
{{- else if not (regexMatch (ternary "^(0|[1-9][0-9]*)([.][0-9]+)?$" "^(0|[1-9][0-9]*)$" (hasPrefix "DRAIN_" $name)) (toString $value)) }}
{{- $expected := ternary "a number" "a whole number" (hasPrefix "DRAIN_" $name) }}
{{- fail (printf "env.%s is %q: the chart computes with it and expects %s without leading zeros" $name (toString $value) $expected) }}
{{- end }}
{{- $value }}
{{- end }}

{{/* A number of pods, or per cent of all, rounded up or down as Kubernetes does: (list "25%" PODS "up"). */}}
{{- define "hello-fastapi.pods" -}}
{{- $value := toString (index . 0) }}
{{- if hasSuffix "%" $value }}
{{- $exact := divf (mulf (trimSuffix "%" $value | float64) (index . 1)) 100 }}
{{- ternary (ceil $exact) (floor $exact) (eq (index . 2) "up") | int }}
{{- else }}
{{- int $value }}
{{- end }}
{{- end }}

{{/* The figures of the connection budget, as YAML. */}}
{{- define "hello-fastapi.budget" -}}
{{- $pods := int .Values.replicaCount }}
{{- $source := "replicaCount" }}
{{- if and .Values.autoscaling.enabled (ge (int .Values.autoscaling.maxReplicas) $pods) }}
{{- $pods = int .Values.autoscaling.maxReplicas }}
{{- $source = "autoscaling.maxReplicas" }}
{{- end }}
{{- $surge := include "hello-fastapi.pods" (list .Values.rollout.maxSurge $pods "up") | int }}
{{- $missing := include "hello-fastapi.pods" (list .Values.rollout.maxUnavailable $pods "down") | int }}
{{- $terminating := int .Values.rollout.terminating }}
{{- $pool := include "hello-fastapi.number" (list . "DB_POOL_MAX") | int }}
{{- $poolSource := ternary "env.DB_POOL_MAX" "database.poolMax" (hasKey (.Values.env | default dict) "DB_POOL_MAX") }}
{{- $job := ternary 1 0 .Values.migrations.job.enabled }}
{{- $server := ternary "PgBouncer" "Postgres" .Values.pgbouncer.enabled }}
{{- $most := ternary .Values.pgbouncer.maxClientConnections .Values.database.maxConnections .Values.pgbouncer.enabled | int }}
{{- $mostSource := ternary "pgbouncer.maxClientConnections" "database.maxConnections" .Values.pgbouncer.enabled }}
{{- $reserved := ternary .Values.pgbouncer.reserved .Values.database.reserved .Values.pgbouncer.enabled | int }}
{{- $reservedSource := ternary "pgbouncer.reserved" "database.reserved" .Values.pgbouncer.enabled }}
{{- $all := add $pods $surge $terminating | int }}
{{- toYaml (dict "pods" $pods "source" $source "surge" $surge "missing" $missing "terminating" $terminating "all" $all "pool" $pool "poolSource" $poolSource
    "job" $job "sum" (add (mul $all $pool) $job) "server" $server "most" $most "mostSource" $mostSource "reserved" $reserved
    "reservedSource" $reservedSource "limit" (sub $most $reserved)) }}
{{- end }}

{{/* The sum in words. */}}
{{- define "hello-fastapi.budgetWords" -}}
{{- with include "hello-fastapi.budget" . | fromYaml }}
{{- printf "(%d pods by %s + %d surge + %d terminating) x %d connections by %s" (int .pods) .source (int .surge) (int .terminating) (int .pool) .poolSource }}
{{- if .job }} + 1 for the migration Job{{ end }}
{{- printf " = %d; %s has %d by %s - %d by %s = %d" (int .sum) .server (int .most) .mostSource (int .reserved) .reservedSource (int .limit) }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.checkBudget" -}}
{{- $b := include "hello-fastapi.budget" . | fromYaml }}
{{- if gt (int $b.sum) (int $b.limit) }}
{{- $rest := sub $b.limit $b.job | int }}
{{- $ways := list }}
{{- $pool := div $rest (int $b.all) | int }}
{{- if ge $pool 2 }}
{{- $min := ternary " (and database.poolMin)" "" (gt (include "hello-fastapi.number" (list . "DB_POOL_MIN") | int) $pool) }}
{{- $ways = append $ways (printf "%s to %d or less%s" $b.poolSource $pool $min) }}
{{- end }}
{{- $pods := sub (div $rest (int $b.pool)) (add $b.surge $b.terminating) | int }}
{{- if ge $pods 1 }}
{{- $too := ternary " (and replicaCount)" "" (and (ne $b.source "replicaCount") (gt (int .Values.replicaCount) $pods)) }}
{{- $ways = append $ways (printf "%s to %d or less%s" $b.source $pods $too) }}
{{- end }}
{{- $ways = append $ways (printf "%s to %d or more" $b.mostSource (add $b.sum $b.reserved | int)) }}
{{- $last := ternary "" ", or put PgBouncer between: pgbouncer.enabled and its pgbouncer.maxClientConnections" .Values.pgbouncer.enabled }}
{{- fail (printf "connection budget exceeded: %s. Set %s%s" (include "hello-fastapi.budgetWords" .) (join ", or " $ways) $last) }}
{{- end }}
{{- if .Values.pgbouncer.enabled }}
{{- $direct := max (int .Values.pgbouncer.directPerPod) (ternary 1 0 .Values.migrations.onStart) | int }}
{{- $sum := add (int .Values.pgbouncer.poolSize) (mul $b.all $direct) $b.job | int }}
{{- $limit := sub (int .Values.database.maxConnections) (int .Values.database.reserved) | int }}
{{- if gt $sum $limit }}
{{- $rest := sub $limit (sub $sum (int .Values.pgbouncer.poolSize)) | int }}
{{- $way := ternary (printf "pgbouncer.poolSize to %d or less, or " $rest) "" (ge $rest 1) }}
{{- fail (printf "connection budget exceeded behind PgBouncer: %d by pgbouncer.poolSize + %d pods x %d past PgBouncer + %d for the migration Job = %d; Postgres has %d by database.maxConnections - %d by database.reserved = %d. Set %sdatabase.maxConnections to %d or more"
    (int .Values.pgbouncer.poolSize) (int $b.all) $direct (int $b.job) $sum (int .Values.database.maxConnections) (int .Values.database.reserved) $limit $way (add $sum (int .Values.database.reserved) | int)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.checkPool" -}}
{{- $min := include "hello-fastapi.number" (list . "DB_POOL_MIN") | int }}
{{- $max := include "hello-fastapi.number" (list . "DB_POOL_MAX") | int }}
{{- $env := include "hello-fastapi.envMap" (dict "root" . "job" false) | fromYaml }}
{{- if gt $min $max }}
{{- fail (printf "database.poolMin is %d, more than database.poolMax, %d" $min $max) }}
{{- else if and (gt $max 20) (not (hasKey $env "DB_POOL_ALLOW_LARGE")) }}
{{- fail (printf "database.poolMax is %d: the service refuses more than 20 unless database.allowLargePool is true" $max) }}
{{- end }}
{{- if hasKey $env "WORKERS" }}
{{- $workers := include "hello-fastapi.number" (list . "WORKERS") | int }}
{{- if ge $workers $max }}
{{- fail (printf "env.WORKERS is %d: it needs a database.poolMax of at least %d, one connection each and one more, and it is %d" $workers (add $workers 1 | int) $max) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.checkRollout" -}}
{{- $delay := include "hello-fastapi.number" (list . "DRAIN_DELAY") | float64 }}
{{- $timeout := include "hello-fastapi.number" (list . "DRAIN_TIMEOUT") | float64 }}
{{- $drain := addf $delay $timeout }}
{{- $sleep := dig "preStop" "sleep" "seconds" 0 (.Values.lifecycle | default dict) | float64 }}
{{- $goes := addf $drain $sleep }}
{{- $words := printf "drain.delay %v s + drain.timeout %v s = %v s%s" $delay $timeout $drain (ternary (printf ", and the preStop sleep of %v s" $sleep) "" (gt $sleep 0.0)) }}
{{- if le (float64 .Values.terminationGracePeriodSeconds) $goes }}
{{- fail (printf "terminationGracePeriodSeconds is %v: requests would be killed. It must be more than %s" .Values.terminationGracePeriodSeconds $words) }}
{{- else if lt (float64 .Values.rollout.minReadySeconds) $goes }}
{{- fail (printf "rollout.minReadySeconds is %v: the next pod would go while the last still holds its connections. It must be at least %s" .Values.rollout.minReadySeconds $words) }}
{{- else if le (float64 .Values.rollout.progressDeadlineSeconds) (float64 .Values.rollout.minReadySeconds) }}
{{- fail (printf "rollout.progressDeadlineSeconds is %v: it must be more than rollout.minReadySeconds, %v" .Values.rollout.progressDeadlineSeconds .Values.rollout.minReadySeconds) }}
{{- end }}
{{- $b := include "hello-fastapi.budget" . | fromYaml }}
{{- if eq 0 (add $b.surge $b.missing | int) }}
{{- fail "rollout.maxSurge and rollout.maxUnavailable are both 0: no pod could ever be replaced" }}
{{- else if lt (int $b.terminating) (add $b.surge $b.missing | int) }}
{{- fail (printf "rollout.terminating is %d: with rollout.maxSurge %d and rollout.maxUnavailable %d as many as %d pods go at a time and still hold connections; set it to %d" (int $b.terminating) (int $b.surge) (int $b.missing) (add $b.surge $b.missing | int) (add $b.surge $b.missing | int)) }}
{{- end }}
{{- with .Values.autoscaling }}
{{- if and .enabled (lt (int .maxReplicas) (int .minReplicas)) }}
{{- fail (printf "autoscaling.maxReplicas is %d, less than autoscaling.minReplicas, %d" (int .maxReplicas) (int .minReplicas)) }}
{{- else if and .enabled (not (dig "requests" "cpu" "" ($.Values.resources | default dict))) }}
{{- fail "autoscaling.enabled needs resources.requests.cpu, of which it takes per cent" }}
{{- else if and .enabled (lt (float64 .scaleDown.periodSeconds) $goes) }}
{{- fail (printf "autoscaling.scaleDown.periodSeconds is %v: the next pod would go while the last still holds its connections. It must be at least %s" .scaleDown.periodSeconds $words) }}
{{- end }}
{{- end }}
{{- if eq (dig "httpGet" "path" "" (.Values.livenessProbe | default dict)) "/readyz" }}
{{- fail "livenessProbe asks /readyz, which fails when the database is away: its outage would restart every pod. Use /healthz" }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.checkPorts" -}}
{{- $port := include "hello-fastapi.number" (list . "PORT") }}
{{- $admin := include "hello-fastapi.number" (list . "ADMIN_PORT") }}
{{- if eq $port "0" }}
{{- fail "env.PORT is 0, any free port: a Service could not find it" }}
{{- else if ne .Values.metrics.enabled (ne $admin "0") }}
{{- fail (printf "env.ADMIN_PORT is %s: use metrics.enabled and metrics.port" $admin) }}
{{- else if eq $port $admin }}
{{- fail (printf "metrics.port and containerPort are both %s" $port) }}
{{- else if and .Values.serviceMonitor.enabled (not .Values.metrics.enabled) }}
{{- fail "serviceMonitor.enabled needs metrics.enabled: there is nothing to scrape" }}
{{- else if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.enabled needs ingress.hosts: which host and path lead to the service?" }}
{{- else if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs: which gateway does it belong to?" }}
{{- else if and .Values.httpRoute.enabled (not .Values.httpRoute.rules) }}
{{- fail "httpRoute.enabled needs httpRoute.rules: which requests lead to the service?" }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.checkSources" -}}
{{- $env := include "hello-fastapi.envMap" (dict "root" . "job" false) | fromYaml }}
{{- $seen := dict }}
{{- range .Values.extraEnv }}
{{- if hasKey $env .name }}
{{- fail (printf "extraEnv sets %s, which is set already: use env.%s, which wins" .name .name) }}
{{- else if hasKey $seen .name }}
{{- fail (printf "extraEnv sets %s twice" .name) }}
{{- end }}
{{- $_ := set $seen .name true }}
{{- end }}
{{- with .Values.database }}
{{- if and .existingSecret (or .url .directUrl) }}
{{- fail "database.existingSecret and database.url are both set: which one holds DATABASE_URL? Empty one of them" }}
{{- else if and .directUrl (not .url) }}
{{- fail "database.directUrl is set without database.url" }}
{{- end }}
{{- end }}
{{- with .Values.externalSecret }}
{{- if and .enabled (not .secretStoreRef.name) }}
{{- fail "externalSecret.enabled needs externalSecret.secretStoreRef.name, the store to read from" }}
{{- else if and .enabled (not (or .tags .data .dataFrom)) }}
{{- fail "externalSecret.enabled needs externalSecret.tags (or data, or dataFrom): what should it read?" }}
{{- end }}
{{- end }}
{{- $migrates := or .Values.migrations.job.enabled .Values.migrations.onStart }}
{{- $open := or .Values.envFrom .Values.externalSecret.enabled .Values.extraEnv }}
{{- if and .Values.pgbouncer.enabled (eq .Values.pgbouncer.poolMode "transaction") $migrates (not (hasKey $env "DATABASE_DIRECT_URL")) (not $open) }}
{{- fail "pgbouncer.poolMode is transaction, in which migrations cannot take turns: name Postgres itself by database.existingSecretDirectKey (or database.directUrl, or env.DATABASE_DIRECT_URL)" }}
{{- end }}
{{- end }}

{{/* What would stand in an object twice, and labels by which others find the pods. */}}
{{- define "hello-fastapi.checkAdditions" -}}
{{- $labels := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
{{- $job := .Values.migrations.job }}
{{- range $value, $map := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels "migrations.job.podLabels" $job.podLabels
    "serviceMonitor.labels" .Values.serviceMonitor.labels "prometheusRule.labels" .Values.prometheusRule.labels
    "grafanaDashboard.labels" .Values.grafanaDashboard.labels }}
{{- range $label := $labels }}
{{- if hasKey ($map | default dict) $label }}
{{- fail (printf "%s sets %s, by which the chart finds and names its objects: use another label" $value $label) }}
{{- end }}
{{- end }}
{{- end }}
{{- $fields := dict "serviceAccountName" "serviceAccount.name" "automountServiceAccountToken" "serviceAccount.automount"
    "imagePullSecrets" "imagePullSecrets" "securityContext" "podSecurityContext" "nodeSelector" "nodeSelector" "tolerations" "tolerations"
    "priorityClassName" "priorityClassName" "terminationGracePeriodSeconds" "terminationGracePeriodSeconds" "affinity" "affinity"
    "topologySpreadConstraints" "topologySpreadConstraints" "initContainers" "extraInitContainers" "containers" "extraContainers"
    "volumes" "extraVolumes" }}
{{- range $field, $_ := .Values.extraPodSpec }}
{{- if hasKey $fields $field }}
{{- fail (printf "extraPodSpec sets %s, which the chart sets itself: use %s" $field (get $fields $field)) }}
{{- end }}
{{- end }}
{{- range $field, $_ := .Values.service.extraSpec }}
{{- if has $field (list "type" "ports" "selector") }}
{{- fail (printf "service.extraSpec sets %s, which the chart sets itself%s" $field (get (dict "type" ": use service.type" "ports" ": use service.port") $field)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "name" NAME "key" KEY-OR-EMPTY "setting" WORDS) */}}
{{- define "hello-fastapi.checkSecret" -}}
{{- $namespace := .root.Release.Namespace }}
{{- $found := lookup "v1" "Secret" $namespace .name }}
{{- if not $found }}
{{- fail (printf "the Secret %s, of which %s is taken, is not in the namespace %s: kubectl -n %s create secret generic %s --from-literal=%s=…" .name .setting $namespace $namespace .name (.key | default "KEY")) }}
{{- else if and .key (not (hasKey ($found.data | default dict) .key)) }}
{{- fail (printf "the Secret %s in the namespace %s has no key %s, of which %s is taken: it has %s" .name $namespace .key .setting (keys ($found.data | default dict) | sortAlpha | join ", " | default "none")) }}
{{- end }}
{{- end }}

{{/* Where a cluster is asked, which has a service account named default in each namespace, and where nothing else may bring the Secrets. */}}
{{- define "hello-fastapi.checkSecrets" -}}
{{- $brought := or .Values.externalSecret.enabled .Values.extraObjects }}
{{- if and .Values.checkSecrets (not $brought) (lookup "v1" "ServiceAccount" .Release.Namespace "default") }}
{{- $own := include "hello-fastapi.suffixed" (list . "database") }}
{{- range $name, $value := include "hello-fastapi.envMap" (dict "root" . "job" false) | fromYaml }}
{{- $from := dict }}
{{- if kindIs "map" $value }}
{{- $from = dig "valueFrom" "secretKeyRef" (dict) $value }}
{{- end }}
{{- if and $from.name (not $from.optional) (not (and $.Values.database.url (eq $from.name $own))) }}
{{- include "hello-fastapi.checkSecret" (dict "root" $ "name" $from.name "key" $from.key "setting" $name) }}
{{- end }}
{{- end }}
{{- range .Values.envFrom }}
{{- if and .secretRef (not .secretRef.optional) }}
{{- include "hello-fastapi.checkSecret" (dict "root" $ "name" .secretRef.name "key" "" "setting" "envFrom") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
