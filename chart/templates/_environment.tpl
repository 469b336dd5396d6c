{{/* A value as the service reads it: 1000000 is not 1e+06. */}}
{{- define "hello-fastapi.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ printf "%.0f" . }}{{ else }}{{ toString . }}{{ end }}
{{- end }}

{{/* Secrets that the chart makes have a twin for the Job, since it comes first: (dict "root" $ "job" BOOL "name" NAME). */}}
{{- define "hello-fastapi.externalSecretName" -}}
{{- .Values.externalSecret.target.name | default (include "hello-fastapi.fullname" .) }}
{{- end }}

{{- define "hello-fastapi.secretName" -}}
{{- if and .job .root.Values.externalSecret.enabled (eq .name (include "hello-fastapi.externalSecretName" .root)) }}
{{- include "hello-fastapi.suffixed" (list .root "migrate-env") }}
{{- else }}
{{- .name }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.databaseSecretName" -}}
{{- if .root.Values.database.existingSecret }}
{{- include "hello-fastapi.secretName" (dict "root" .root "job" .job "name" .root.Values.database.existingSecret) }}
{{- else }}
{{- include "hello-fastapi.suffixed" (list .root (ternary "migrate" "database" .job)) }}
{{- end }}
{{- end }}

{{/* What the chart itself sets; `env` wins over it. */}}
{{- define "hello-fastapi.ownEnv" -}}
{{- $values := .root.Values }}
PORT: {{ include "hello-fastapi.text" $values.containerPort | quote }}
ADMIN_HOST: "0.0.0.0"
ADMIN_PORT: {{ ternary (include "hello-fastapi.text" $values.metrics.port) "0" $values.metrics.enabled | quote }}
APP_VERSION: {{ include "hello-fastapi.version" .root | quote }}
DRAIN_DELAY: {{ include "hello-fastapi.text" $values.drain.delay | quote }}
DRAIN_TIMEOUT: {{ include "hello-fastapi.text" $values.drain.timeout | quote }}
DB_POOL_MIN: {{ include "hello-fastapi.text" $values.database.poolMin | quote }}
DB_POOL_MAX: {{ include "hello-fastapi.text" $values.database.poolMax | quote }}
{{- if $values.database.allowLargePool }}
DB_POOL_ALLOW_LARGE: "1"
{{- end }}
{{- if and $values.pgbouncer.enabled (eq $values.pgbouncer.poolMode "transaction") }}
DB_PREPARE: "off"
{{- end }}
{{- if $values.migrations.onStart }}
MIGRATE_ON_START: "1"
{{- end }}
{{- with $values.database }}
{{- if or .url .existingSecret }}
DATABASE_URL:
  valueFrom:
    secretKeyRef:
      name: {{ include "hello-fastapi.databaseSecretName" $ | quote }}
      key: {{ ternary "database-url" .existingSecretKey (empty .existingSecret) | quote }}
{{- end }}
{{- if or .directUrl (and .existingSecret .existingSecretDirectKey) }}
DATABASE_DIRECT_URL:
  valueFrom:
    secretKeyRef:
      name: {{ include "hello-fastapi.databaseSecretName" $ | quote }}
      key: {{ ternary "database-direct-url" .existingSecretDirectKey (empty .existingSecret) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* All variables by name, as YAML: (dict "root" $ "job" BOOL). */}}
{{- define "hello-fastapi.envMap" -}}
{{- $all := include "hello-fastapi.ownEnv" . | fromYaml }}
{{- range $name, $value := .root.Values.env }}
{{- if kindIs "invalid" $value }}
{{- $_ := unset $all $name }}
{{- else if kindIs "map" $value }}
{{- $copy := deepCopy $value }}
{{- with dig "valueFrom" "secretKeyRef" (dict) $copy }}
{{- $_ := set . "name" (include "hello-fastapi.secretName" (dict "root" $.root "job" $.job "name" (.name | default ""))) }}
{{- end }}
{{- $_ := set $all $name $copy }}
{{- else }}
{{- $_ := set $all $name (include "hello-fastapi.text" $value) }}
{{- end }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{- define "hello-fastapi.env" -}}
{{- range $name, $value := include "hello-fastapi.envMap" . | fromYaml }}
- name: {{ $name | quote }}
  {{- if kindIs "map" $value }}
  {{- toYaml $value | nindent 2 }}
  {{- else }}
  value: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- with .root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.envFrom" -}}
{{- if .root.Values.externalSecret.enabled }}
- secretRef:
    name: {{ include "hello-fastapi.secretName" (dict "root" .root "job" .job "name" (include "hello-fastapi.externalSecretName" .root)) | quote }}
{{- end }}
{{- range .root.Values.envFrom }}
{{- $entry := deepCopy . }}
{{- with $entry.secretRef }}
{{- $_ := set . "name" (include "hello-fastapi.secretName" (dict "root" $.root "job" $.job "name" (.name | default ""))) }}
{{- end }}
{{ list $entry | toYaml }}
{{- end }}
{{- end }}

{{/* Does the chart know of a database? "true", or nothing. It may hide in envFrom. */}}
{{- define "hello-fastapi.databaseKnown" -}}
{{- $env := include "hello-fastapi.envMap" (dict "root" . "job" false) | fromYaml }}
{{- if or (hasKey $env "DATABASE_URL") .Values.envFrom .Values.externalSecret.enabled .Values.extraEnv }}true{{ end }}
{{- end }}
