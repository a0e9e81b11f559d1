package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

const kubeletPort = 10250

// serve answers what the API server hands on to a kubelet: logs, exec and port-forward. Nobody else has the
// certificate that it asks for.
func (n *Node) serve() error {
	authority, err := os.ReadFile(n.folder + "/ca.crt")
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(authority)
	mux := http.NewServeMux()
	mux.HandleFunc("/containerLogs/{namespace}/{pod}/{container}", n.logs)
	mux.HandleFunc("/portForward/{namespace}/{pod}", func(w http.ResponseWriter, r *http.Request) {
		options, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, n.pods, key(r), "", options, 4*time.Hour,
			remotecommand.DefaultStreamCreationTimeout, portforward.SupportedProtocols)
	})
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		options, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		remotecommand.ServeExec(w, r, n.pods, key(r), "", r.PathValue("container"), r.URL.Query()["command"], options,
			4*time.Hour, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	})
	server := &http.Server{
		Addr:      fmt.Sprintf("%s:%d", address, kubeletPort),
		Handler:   mux,
		TLSConfig: &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, NextProtos: []string{"http/1.1"}},
	}
	return server.ListenAndServeTLS(n.folder+"/node.crt", n.folder+"/node.key")
}

func key(r *http.Request) string { return r.PathValue("namespace") + "/" + r.PathValue("pod") }

func (n *Node) logs(w http.ResponseWriter, r *http.Request) {
	run := n.pods.find(key(r))
	if run == nil {
		http.Error(w, "no such pod here", http.StatusNotFound)
		return
	}
	file, err := os.Open(run.log())
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer file.Close()
	if lines, err := strconv.Atoi(r.FormValue("tailLines")); err == nil {
		all, _ := io.ReadAll(file)
		kept := strings.SplitAfter(string(all), "\n")
		_, _ = io.WriteString(w, strings.Join(kept[max(0, len(kept)-1-lines):], ""))
	}
	reader := bufio.NewReader(file)
	for {
		if _, err := reader.WriteTo(w); err != nil || r.FormValue("follow") != "true" || run.over() {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// PortForward dials the pod's address. A kubelet dials localhost in the pod's network, which makes no difference to
// programs that listen on all addresses.
func (p *pods) PortForward(_ context.Context, name, _ string, port int32, stream io.ReadWriteCloser) error {
	run := p.find(name)
	if run == nil {
		return errors.New("no such pod here")
	}
	to, err := net.Dial("tcp", net.JoinHostPort(run.ip, strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	join(stream, to)
	return nil
}

// ExecInContainer runs a command with the namespaces, the user and the environment of the pod's process. There are no
// terminals here.
func (p *pods) ExecInContainer(ctx context.Context, name, _, _ string, command []string, in io.Reader,
	out, errs io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	run := p.find(name)
	if run == nil || run.process() == nil {
		return errors.New("the container does not run")
	}
	enter := []string{"--target", strconv.Itoa(run.process().Pid), "--mount", "--net", "--root", "--wd=/", "--"}
	enter = append(append(enter, run.become()...), command...)
	process := exec.CommandContext(ctx, "nsenter", enter...)
	process.Env = run.environment
	if in != nil {
		process.Stdin = in
	}
	if out != nil {
		process.Stdout = out
	}
	if errs != nil {
		process.Stderr = errs
	}
	err := process.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return utilexec.CodeExitError{Err: err, Code: exit.ExitCode()}
	}
	return err
}
