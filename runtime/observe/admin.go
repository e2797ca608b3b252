package observe

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Admin serves /metrics /livez /readyz and /account.
func Admin(h *Health, snapshot func() Snapshot) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collector{snapshot}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		conds := h.Conditions()
		says := map[string]any{"status": "ready", "reasons": conds}
		if alarms := h.Alarms(); len(alarms) > 0 {
			says["alarms"] = alarms
		}
		if len(conds) > 0 {
			says["status"] = "not ready"
			answer(w, http.StatusServiceUnavailable, says)
			return
		}
		answer(w, http.StatusOK, says)
	})
	mux.HandleFunc("GET /account", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, snapshot().Account) })
	return mux
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client has gone where this fails; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(v)
}
