{{/* What the pods of the service, of the Job and of the test share: (dict "root" $ "account" NAME "token" BOOL). */}}
{{- define "hello-fastapi.podBase" -}}
serviceAccountName: {{ .account | quote }}
automountServiceAccountToken: {{ .token }}
enableServiceLinks: {{ get (.root.Values.extraPodSpec | default dict) "enableServiceLinks" | default false }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.podAnnotations" -}}
kubectl.kubernetes.io/default-container: {{ .Chart.Name }}
{{- if .Values.database.url }}
checksum/database: {{ printf "%s %s" .Values.database.url .Values.database.directUrl | sha256sum }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.podLabels" -}}
{{ include "hello-fastapi.selectorLabels" . }}
{{ include "hello-fastapi.commonLabels" . }}
{{- end }}

{{- define "hello-fastapi.containerBase" -}}
image: {{ include "hello-fastapi.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "hello-fastapi.topologySpread" -}}
{{- range .Values.topologySpreadConstraints }}
{{- $constraint := deepCopy . }}
{{- if not .labelSelector }}
{{- $_ := set $constraint "labelSelector" (dict "matchLabels" (include "hello-fastapi.selectorLabels" $ | fromYaml)) }}
{{- end }}
{{ list $constraint | toYaml }}
{{- end }}
{{- end }}
