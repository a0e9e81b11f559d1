package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probe asks as often as the probe says, and tells each change of the answer, once enough in a row agree.
func (r *run) probe(ctx context.Context, probe *v1.Probe, tell func(bool)) {
	wait := func(seconds int32) bool {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Duration(seconds) * time.Second):
			return true
		}
	}
	if !wait(probe.InitialDelaySeconds) {
		return
	}
	row, known, told := int32(0), false, false
	for {
		well := r.ask(ctx, probe) == nil
		if well != known {
			row, known = 0, well
		}
		row++
		enough := probe.FailureThreshold
		if well {
			enough = probe.SuccessThreshold
		}
		if row >= enough && told != well {
			told = well
			tell(well)
		} else if row == enough && !well {
			tell(false)
		}
		if !wait(max(1, probe.PeriodSeconds)) {
			return
		}
	}
}

func (r *run) ask(ctx context.Context, probe *v1.Probe) error {
	limit := time.Duration(max(1, probe.TimeoutSeconds)) * time.Second
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	switch {
	case probe.TCPSocket != nil:
		connection, err := net.DialTimeout("tcp", r.at(probe.TCPSocket.Port), limit)
		if err == nil {
			connection.Close()
		}
		return err
	case probe.HTTPGet != nil:
		get := probe.HTTPGet
		url := fmt.Sprintf("%s://%s/%s", strings.ToLower(string(get.Scheme)), r.at(get.Port), strings.TrimPrefix(get.Path, "/"))
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		request.Header.Set("User-Agent", "kube-probe/1.36")
		insecure := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
		answer, err := insecure.RoundTrip(request)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode >= 400 {
			return fmt.Errorf("%s: %s", url, answer.Status)
		}
		return nil
	}
	return fmt.Errorf("no kind of probe that is known here")
}

// at is a port of the pod, which may be named.
func (r *run) at(port intstr.IntOrString) string {
	number := port.IntVal
	for _, open := range r.container().Ports {
		if open.Name == port.StrVal && port.Type == intstr.String {
			number = open.ContainerPort
		}
	}
	return fmt.Sprintf("%s:%d", r.ip, number)
}
