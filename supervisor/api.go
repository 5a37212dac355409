package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
)

// The API: HTTP/1.1 with JSON on the supervisor's socket.
//
//	PUT    /v1/endpoints/{id}  holds the endpoint in the body, and returns it with its host ports
//	DELETE /v1/endpoints/{id}  lets go of it
//	GET    /v1/endpoints       what is held
//	GET    /v1/containers      every ContainerStatus but those of PhaseAbsent
//	GET    /v1/containers?watch=1          the same and then what changes, each a watchLine
//	GET    /v1/containers/{id}             one ContainerStatus
//	POST   /v1/containers/{id}/await?until=CONDITION  one, once it is decided: see Client.Await
//	GET    /v1/status          Status
//
// A connection on which nothing is asked stays open for as long as the
// supervisor lives.
const (
	pathEndpoints  = "/v1/endpoints"
	pathContainers = "/v1/containers"
	pathStatus     = "/v1/status"
)

// maxBody bounds what is read of a request.
const maxBody = 1 << 20

// Status is what the supervisor says of itself.
type Status struct {
	Pid     int       `json:"pid"`
	Version string    `json:"version,omitempty"`
	Since   time.Time `json:"since"`
	// Containers are those it watches, Endpoints those of them for which it
	// holds names and ports.
	Containers int `json:"containers"`
	Endpoints  int `json:"endpoints"`
	// Problems are what it cannot do now, each in one line, sorted.
	Problems []string `json:"problems,omitempty"`
}

// failure is an error on its way to the client.
type failure struct {
	Code    code            `json:"code,omitempty"`
	Message string          `json:"message"`
	Port    *PortTakenError `json:"port,omitempty"` // of codePortTaken
}

type code string

const (
	codePortTaken code = "port-taken"
	codeLeaving   code = "leaving"
)

func (s *supervisor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+pathEndpoints+"/{id}", s.putEndpoint)
	mux.HandleFunc("DELETE "+pathEndpoints+"/{id}", s.deleteEndpoint)
	mux.HandleFunc("GET "+pathEndpoints, s.getEndpoints)
	mux.HandleFunc("GET "+pathContainers, s.getContainers)
	mux.HandleFunc("GET "+pathContainers+"/{id}", s.getContainer)
	mux.HandleFunc("POST "+pathContainers+"/{id}/await", s.awaitContainer)
	mux.HandleFunc("GET "+pathStatus, s.getStatus)
	return mux
}

// connection counts the connections: who has one needs the supervisor.
func (s *supervisor) connection(_ net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.connections++
	case http.StateClosed, http.StateHijacked:
		s.connections--
	default:
		return
	}
	s.changed()
}

func (s *supervisor) putEndpoint(w http.ResponseWriter, r *http.Request) {
	var e endpoint.Endpoint
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&e); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("reading the endpoint: %w", err))
		return
	}
	if err := endpoint.CheckID(e.ID); err != nil || e.ID != r.PathValue("id") {
		fail(w, http.StatusBadRequest, errors.Join(fmt.Errorf("endpoint %q has the ID %q", r.PathValue("id"), e.ID), err))
		return
	}
	held, err := s.hold(r, e)
	var taken *PortTakenError
	switch {
	case errors.Is(err, errLeaving):
		fail(w, http.StatusServiceUnavailable, err)
	case errors.As(err, &taken):
		fail(w, http.StatusConflict, err)
	case err != nil:
		fail(w, http.StatusInternalServerError, err)
	default:
		reply(w, held)
	}
}

func (s *supervisor) hold(r *http.Request, e endpoint.Endpoint) (endpoint.Endpoint, error) {
	var held endpoint.Endpoint
	var err error
	s.with(e.ID, func(c *container) {
		s.mu.Lock()
		leaving := s.leaving
		s.mu.Unlock()
		if err = errLeaving; !leaving {
			lived := c.lives()
			held, err = c.hold(r.Context(), s.names, e)
			if lived {
				s.ask(e.ID)
			}
		}
	})
	return held, err
}

func (s *supervisor) deleteEndpoint(w http.ResponseWriter, r *http.Request) {
	s.with(r.PathValue("id"), func(c *container) {
		if c.released(); c.lives() {
			s.ask(c.id)
		}
	})
	w.WriteHeader(http.StatusNoContent)
}

func (s *supervisor) getEndpoints(w http.ResponseWriter, _ *http.Request) {
	es := []endpoint.Endpoint{}
	s.each(func(c *container) {
		if c.held != nil {
			e := c.held.endpoint
			e.Ports = slices.Clone(e.Ports)
			es = append(es, e)
		}
	})
	slices.SortFunc(es, func(a, b endpoint.Endpoint) int { return strings.Compare(a.ID, b.ID) })
	reply(w, es)
}

func (s *supervisor) getStatus(w http.ResponseWriter, _ *http.Request) {
	st := Status{
		Pid:       os.Getpid(),
		Version:   s.cfg.Version,
		Since:     s.started,
		Endpoints: s.names.table.Len(),
		Problems:  s.report.list(),
	}
	st.Containers = len(s.known())
	reply(w, st)
}

// reply answers with v. A client that is gone cannot be told so.
func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, err error) {
	f := failure{Message: err.Error()}
	if errors.Is(err, errLeaving) {
		f.Code = codeLeaving
	}
	if errors.As(err, &f.Port) {
		f.Code = codePortTaken
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(f)
}
