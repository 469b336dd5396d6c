{{/* The chart's name. */}}
{{- define "hello-fastapi.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the objects; names of Kubernetes end at 63 characters. */}}
{{- define "hello-fastapi.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The same, cut to a length; two that begin alike stay two: (list $ LENGTH). */}}
{{- define "hello-fastapi.cutName" -}}
{{- $name := include "hello-fastapi.fullname" (first .) }}
{{- $length := last . | int }}
{{- if gt (len $name) $length }}
{{- printf "%s-%s" ($name | trunc (int (sub $length 9)) | trimSuffix "-") ($name | sha256sum | trunc 8) }}
{{- else }}
{{- $name }}
{{- end }}
{{- end }}

{{/* The same with a suffix that is never cut off: (list $ "metrics"). */}}
{{- define "hello-fastapi.suffixed" -}}
{{- $suffix := last . }}
{{- printf "%s-%s" (include "hello-fastapi.cutName" (list (first .) (sub 62 (len $suffix)))) $suffix }}
{{- end }}

{{/* In a namespace of all dashboards that of the release tells them apart. */}}
{{- define "hello-fastapi.dashboardName" -}}
{{- $namespace := .Values.grafanaDashboard.namespace | default .Release.Namespace }}
{{- if eq $namespace .Release.Namespace }}
{{- include "hello-fastapi.suffixed" (list . "dashboard") }}
{{- else }}
{{- printf "%s-%s" .Release.Namespace (include "hello-fastapi.suffixed" (list . "dashboard")) }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "hello-fastapi.labels" -}}
helm.sh/chart: {{ include "hello-fastapi.chart" . }}
{{ include "hello-fastapi.selectorLabels" . }}
{{ include "hello-fastapi.commonLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* What names the version, for objects and pods alike. */}}
{{- define "hello-fastapi.commonLabels" -}}
app.kubernetes.io/version: {{ include "hello-fastapi.version" . | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Maps over one another, of which the later win: (list YAML MAP...). No key comes out twice, which YAML forbids. */}}
{{- define "hello-fastapi.over" -}}
{{- $all := first . | fromYaml }}
{{- range rest . }}
{{- $all = mergeOverwrite $all (. | default dict | deepCopy) }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{- define "hello-fastapi.selectorLabels" -}}
app.kubernetes.io/name: {{ include "hello-fastapi.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Labels of pods that are not the service, (list $ "migrate"): another name, so that no Service, PDB or policy selects them. */}}
{{- define "hello-fastapi.sideSelectorLabels" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ printf "%s-%s" (include "hello-fastapi.name" $root | trunc 50 | trimSuffix "-") (last .) | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- define "hello-fastapi.sideLabels" -}}
{{ include "hello-fastapi.sideSelectorLabels" . }}
{{ include "hello-fastapi.commonLabels" (first .) }}
{{- end }}

{{- define "hello-fastapi.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "hello-fastapi.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.migrateServiceAccountName" -}}
{{- with .Values.migrations.job.serviceAccount }}
{{- if .create }}
{{- default (include "hello-fastapi.suffixed" (list $ "migrate")) .name }}
{{- else if or .name (not $.Values.serviceAccount.create) }}
{{- default (include "hello-fastapi.serviceAccountName" $) .name }}
{{- else }}
{{- fail (printf "migrations.job.serviceAccount.create is false, and the service account %s comes after the Job: set migrations.job.serviceAccount.name to one that exists" (include "hello-fastapi.serviceAccountName" $)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* Version of the image, in characters that labels allow. A digest alone may be of any version. */}}
{{- define "hello-fastapi.version" -}}
{{- $digest := .Values.image.digest | default "" | trimPrefix "sha256:" | trunc 12 }}
{{- $version := .Values.image.tag | default $digest | default .Chart.AppVersion }}
{{- regexReplaceAll "[^A-Za-z0-9]+$" (regexReplaceAll "[^A-Za-z0-9_.-]" $version "-" | trunc 63) "" }}
{{- end }}

{{- define "hello-fastapi.migrateJobName" -}}
{{- $version := regexReplaceAll "[^a-z0-9]+" (include "hello-fastapi.version" . | lower) "-" | trunc 20 | trimSuffix "-" }}
{{- printf "%s-migrate-%s" (include "hello-fastapi.cutName" (list . 33)) $version }}
{{- end }}

{{/*
Annotations of what comes before the pods: (list $ WEIGHT). Argo CD reads its own hook and leaves Helm's then, so that the Job runs
once; it deletes what succeeded only at the end of the whole sync, Helm at the end of the hooks.
*/}}
{{- define "hello-fastapi.hookAnnotations" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ last . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
argocd.argoproj.io/hook: PreSync
argocd.argoproj.io/sync-wave: {{ last . | quote }}
argocd.argoproj.io/hook-delete-policy: BeforeHookCreation,HookSucceeded
{{- end }}
