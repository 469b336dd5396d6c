{{- define "hello-fastapi.databaseSecretData" -}}
stringData:
  database-url: {{ .Values.database.url | quote }}
  {{- with .Values.database.directUrl }}
  database-direct-url: {{ . | quote }}
  {{- end }}
{{- end }}

{{/* (dict "root" $ "target" NAME) */}}
{{- define "hello-fastapi.externalSecretSpec" -}}
{{- with .root.Values.externalSecret -}}
refreshInterval: {{ .refreshInterval | quote }}
secretStoreRef:
  name: {{ .secretStoreRef.name | quote }}
  kind: {{ .secretStoreRef.kind }}
target:
  name: {{ $.target | quote }}
  creationPolicy: Owner
{{- with .data }}
data:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if or .tags .dataFrom }}
dataFrom:
  {{- if .tags }}
  - find:
      tags:
        {{- toYaml .tags | nindent 8 }}
    rewrite:
      - merge:
          strategy: Extract
          conflictPolicy: {{ .conflictPolicy }}
  {{- end }}
  {{- with .dataFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
