{{- /* Lays the values over a pod of deploy/: (dict "pod" POD "values" VALUES-OF-IT "chart" $). */ -}}
{{- define "recap.pod" }}
{{- $pod := .pod }}
{{- $container := first $pod.containers }}
{{- $image := .chart.Values.image }}
{{- $_ := set $container "image" (printf "%s:%s" $image.repository ($image.tag | default .chart.Chart.AppVersion)) }}
{{- $_ := set $container "imagePullPolicy" $image.pullPolicy }}
{{- $_ := set $container "args" (concat $container.args .values.args) }}
{{- with concat ($container.env | default list) .values.env }}
{{- $_ := set $container "env" . }}
{{- end }}
{{- $_ := set $container "resources" (mergeOverwrite $container.resources .values.resources) }}
{{- $_ := set $pod "nodeSelector" (merge dict .values.nodeSelector $pod.nodeSelector) }}
{{- with .values.tolerations }}
{{- $_ := set $pod "tolerations" . }}
{{- end }}
{{- with .chart.Values.imagePullSecrets }}
{{- $secrets := list }}
{{- range . }}
{{- $secrets = append $secrets (dict "name" .) }}
{{- end }}
{{- $_ := set $pod "imagePullSecrets" $secrets }}
{{- end }}
{{- end }}
