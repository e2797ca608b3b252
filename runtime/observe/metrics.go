package observe

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

// Snapshot is what a program counts at one moment.
type Snapshot struct {
	Account     *task.Report
	InFlight    int64              // bytes of records not yet persisted
	Watermarks  map[string]float64 // route → age of its oldest unpersisted record, seconds
	Connections map[string]string  // "segment main" → "up", or the reason why not
	Lag         map[string]int64   // route → records behind the ends of its partitions
	States      []State            // of the state groups that run here
	Build       map[string]string  // version, commit
	Requests    []edge.Requests    // to webhooks
	UnderWay    int                // of them, without an answer yet
	Quiet       map[string]bool    // webhook with `quiet` → nothing came for as long
}

// State is what a state holds and what was done with it, since its group runs here.
type State struct {
	Name string // as `sluice graph` and `sluice state ls` call it
	state.Counts
}

// Labels come from the plan and from reasons written in scripts, never from data:
// nothing a sender does can make a new series.
var (
	recordsDesc    = prometheus.NewDesc("sluice_records_total", "Records by what became of them (completed, dead, or dropped with its reason).", []string{"route", "outcome"}, nil)
	outputsDesc    = prometheus.NewDesc("sluice_outputs_total", "Outputs by what became of them (accepted or dead).", []string{"route", "emit", "outcome"}, nil)
	inFlightDesc   = prometheus.NewDesc("sluice_in_flight", "Bytes of records whose effects are not all taken yet.", nil, nil)
	watermarkDesc  = prometheus.NewDesc("sluice_watermark_age_seconds", "Age of the oldest record of a route that is not done.", []string{"route"}, nil)
	connectionDesc = prometheus.NewDesc("sluice_connection_up", "1 where the connection takes what it gets, else 0 with the reason.", []string{"connection", "reason"}, nil)
	lagDesc        = prometheus.NewDesc("sluice_lag_records", "Records of a route's partitions that have not been run.", []string{"route"}, nil)
	heldDesc       = prometheus.NewDesc("sluice_outputs_held", "Outputs that wait in the store of their state group.", []string{"route", "emit"}, nil)
	keysDesc       = stateDesc("keys", "What is in memory of a state that lives there: keys of a dedupe memory, cells of an identity space.")
	bytesDesc      = stateDesc("bytes", "Memory that a state takes which lives there: a dedupe memory, an identity space.")
	readsDesc      = stateDesc("reads_total", "Cells read; of a dedupe memory, keys asked.")
	hitsDesc       = stateDesc("hits_total", "Reads that found something; of a dedupe memory, repeats.")
	writesDesc     = stateDesc("writes_total", "Cells written; of a dedupe memory, keys that passed.")
	evictionsDesc  = stateDesc("evictions_total", "Cells removed: deleted, past their ttl, panes told; of a dedupe memory, keys forgotten when their time was over.")
	stateMarkDesc  = stateDesc("watermark_seconds", "Watermark of a state, seconds since 1970; none before the first record.")
	requestsDesc   = prometheus.NewDesc("sluice_requests_total", "Requests by webhook and by what they were answered.", []string{"source", "status"}, nil)
	durationDesc   = prometheus.NewDesc("sluice_request_duration_seconds", "How long requests to a webhook took until their answer.", []string{"source"}, nil)
	underWayDesc   = prometheus.NewDesc("sluice_requests_in_flight", "Requests that have no answer yet.", nil, nil)
	replacedDesc   = prometheus.NewDesc("sluice_request_replaced_total", "Parameters of requests in which bytes that are no text were replaced.", []string{"source"}, nil)
	macrosDesc     = prometheus.NewDesc("sluice_request_macros_total", "Parameters of requests that are macros which their sender did not expand, by declared field.", []string{"source", "field"}, nil)
	quietDesc      = prometheus.NewDesc("sluice_webhook_quiet", "1 where nothing came to a webhook for as long as its `quiet` says.", []string{"source"}, nil)
	buildDesc      = prometheus.NewDesc("sluice_build_info", "Always 1; what is running.", []string{"version", "commit"}, nil)
	descriptions   = []*prometheus.Desc{recordsDesc, outputsDesc, inFlightDesc, watermarkDesc, connectionDesc, lagDesc, buildDesc,
		heldDesc, keysDesc, bytesDesc, readsDesc, hitsDesc, writesDesc, evictionsDesc, stateMarkDesc, requestsDesc, durationDesc, underWayDesc, replacedDesc, macrosDesc, quietDesc}
)

func stateDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("sluice_state_"+name, help, []string{"state"}, nil)
}

// collector reads a snapshot at each scrape: the hot path counts in plain
// integers and hashes no labels.
type collector struct{ snapshot func() Snapshot }

// Describe is prometheus's: it lists the metrics.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descriptions {
		ch <- d
	}
}

// Collect is prometheus's: it reads them.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	s := c.snapshot()
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, r := range s.Account.Routes {
		count(recordsDesc, r.Completed, r.Route, "completed")
		count(recordsDesc, r.Dead, r.Route, "dead")
		for reason, n := range r.Dropped {
			count(recordsDesc, n, r.Route, "dropped: "+reason)
		}
		for _, e := range r.Emits {
			count(outputsDesc, e.Accepted, r.Route, e.ID, "accepted")
			count(outputsDesc, e.Dead, r.Route, e.ID, "dead")
			gauge(heldDesc, float64(e.Held), r.Route, e.ID)
		}
	}
	gauge(inFlightDesc, float64(s.InFlight))
	for route, age := range s.Watermarks {
		gauge(watermarkDesc, age, route)
	}
	for name, reason := range s.Connections {
		up := 0.0
		if reason == "up" {
			up, reason = 1, ""
		}
		gauge(connectionDesc, up, name, reason)
	}
	for route, n := range s.Lag {
		gauge(lagDesc, float64(n), route)
	}
	for i := range s.States {
		st := &s.States[i]
		for d, n := range map[*prometheus.Desc]int64{readsDesc: st.Reads, hitsDesc: st.Hits, writesDesc: st.Writes, evictionsDesc: st.Evictions} {
			count(d, uint64(n), st.Name)
		}
		if st.Memory {
			gauge(keysDesc, float64(st.Keys), st.Name)
			gauge(bytesDesc, float64(st.Bytes), st.Name)
		}
		if st.Watermark != event.NoMicros {
			gauge(stateMarkDesc, float64(st.Watermark)/1e6, st.Name)
		}
	}
	for i := range s.Requests {
		r := &s.Requests[i]
		if r.Source == "" { // of nobody's path
			r.Source = "none"
		}
		for status, n := range r.Statuses {
			count(requestsDesc, n, r.Source, strconv.Itoa(status))
		}
		ch <- prometheus.MustNewConstHistogram(durationDesc, r.Count, r.Seconds, r.Buckets, r.Source)
		count(replacedDesc, r.Replaced, r.Source)
		for field, n := range r.Macros {
			count(macrosDesc, n, r.Source, field)
		}
	}
	if s.Requests != nil {
		gauge(underWayDesc, float64(s.UnderWay))
	}
	for source, quiet := range s.Quiet {
		v := 0.0
		if quiet {
			v = 1
		}
		gauge(quietDesc, v, source)
	}
	gauge(buildDesc, 1, s.Build["version"], s.Build["commit"])
}
