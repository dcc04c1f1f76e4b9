{{- define "weir.labels" -}}
app.kubernetes.io/name: weir
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "weir.selector" -}}
app.kubernetes.io/name: weir
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "weir.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* What the agent may take: itself and the verifier's work while it starts, and all of its tables, full, with a fifth more. */ -}}
{{- define "weir.memory" -}}
{{- $sizes := .Values.config.mapSizes | default dict -}}
{{- $bytes := 0 -}}
{{- range $name, $map := .Files.Get "files/maps.yaml" | fromYaml -}}
  {{- $entries := get $sizes $name | default $map.entries -}}
  {{- if and (eq $name "portRules") (not (hasKey $sizes $name)) (hasKey $sizes "rules") -}}
    {{- $entries = $sizes.rules -}}
  {{- end -}}
  {{- $bytes = add $bytes (mul (int64 $entries) (int64 $map.bytes)) -}}
{{- end -}}
{{- add 192 (div (mul $bytes 6) (mul 5 1048576)) -}}Mi
{{- end }}
