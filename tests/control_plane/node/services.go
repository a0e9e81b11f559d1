package main

import (
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"os"
	"strings"
	"sync"

	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/kubelet/envvars"
)

// services gives every Service's address to this machine and hands connections on to a ready endpoint, and keeps the
// file of hosts that stands in for the cluster's DNS.
type services struct {
	hosts    string
	lock     sync.Mutex
	open     map[string]net.Listener
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
}

func newServices(hosts string) *services {
	return &services{hosts: hosts, open: map[string]net.Listener{}}
}

func (s *services) follow(all informers.SharedInformerFactory) {
	s.services = all.Core().V1().Services().Lister()
	s.slices = all.Discovery().V1().EndpointSlices().Lister()
	all.Discovery().V1().EndpointSlices().Informer()
	_, err := all.Core().V1().Services().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { s.match() },
		UpdateFunc: func(_, _ any) { s.match() },
		DeleteFunc: func(any) { s.match() },
	})
	must(err)
}

// match opens what is new, closes what is gone, and writes the hosts anew. The file keeps its inode, since pods have it
// mounted.
func (s *services) match() {
	s.lock.Lock()
	defer s.lock.Unlock()
	all, _ := s.services.List(labels.Everything())
	wanted := map[string]bool{}
	hosts := "127.0.0.1 localhost\n"
	for _, service := range all {
		ip := service.Spec.ClusterIP
		if ip == "" || ip == v1.ClusterIPNone {
			continue
		}
		name := service.Name + "." + service.Namespace
		hosts += fmt.Sprintf("%s %s %s.svc %s.svc.cluster.local\n", ip, name, name, name)
		for _, port := range service.Spec.Ports {
			key := fmt.Sprintf("%s:%d", ip, port.Port)
			wanted[key] = true
			if s.open[key] == nil {
				s.listen(key, ip, service.Namespace, service.Name, port.Name)
			}
		}
	}
	for key, listener := range s.open {
		if !wanted[key] {
			listener.Close()
			delete(s.open, key)
		}
	}
	must(os.WriteFile(s.hosts, []byte(hosts), 0o644))
}

func (s *services) listen(key, ip, namespace, name, port string) {
	// Two ports of a Service have one address; the second time it is there already.
	_ = ip4("addr", "add", ip+"/32", "dev", bridge)
	listener, err := net.Listen("tcp", key)
	if err != nil {
		log.Printf("service %s/%s: %v", namespace, name, err)
		return
	}
	s.open[key] = listener
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go s.lead(from, namespace, name, port)
		}
	}()
}

func (s *services) lead(from net.Conn, namespace, name, port string) {
	defer from.Close()
	ends := s.endpoints(namespace, name, port)
	if len(ends) == 0 {
		// Nobody there: a refusal, as kube-proxy's.
		_ = from.(*net.TCPConn).SetLinger(0)
		return
	}
	to, err := net.Dial("tcp", ends[rand.Intn(len(ends))])
	if err != nil {
		_ = from.(*net.TCPConn).SetLinger(0)
		return
	}
	join(from, to)
}

func (s *services) endpoints(namespace, name, port string) []string {
	of := labels.SelectorFromSet(labels.Set{discovery.LabelServiceName: name})
	slices, _ := s.slices.EndpointSlices(namespace).List(of)
	var ends []string
	for _, slice := range slices {
		for _, open := range slice.Ports {
			if open.Name != nil && *open.Name != port || open.Port == nil {
				continue
			}
			for _, end := range slice.Endpoints {
				if end.Conditions.Ready == nil || *end.Conditions.Ready {
					ends = append(ends, fmt.Sprintf("%s:%d", end.Addresses[0], *open.Port))
				}
			}
		}
	}
	return ends
}

// join hands bytes on in both directions until each side has ended its own.
func join(a, b io.ReadWriteCloser) {
	var both sync.WaitGroup
	for _, way := range [][2]io.ReadWriteCloser{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], way[0])
			if half, ok := way[1].(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			} else {
				way[1].Close()
			}
		})
	}
	both.Wait()
	a.Close()
	b.Close()
}

// variables are those of the pod's namespace and of the API server's own Service.
func (s *services) variables(pod *v1.Pod) map[string]string {
	all, _ := s.services.List(labels.Everything())
	var seen []*v1.Service
	for _, service := range all {
		links := pod.Spec.EnableServiceLinks == nil || *pod.Spec.EnableServiceLinks
		master := service.Namespace == v1.NamespaceDefault && service.Name == "kubernetes"
		headless := service.Spec.ClusterIP == "" || service.Spec.ClusterIP == v1.ClusterIPNone
		if !headless && (master || links && strings.EqualFold(service.Namespace, pod.Namespace)) {
			seen = append(seen, service)
		}
	}
	variables := map[string]string{}
	for _, variable := range envvars.FromServices(seen) {
		variables[variable.Name] = variable.Value
	}
	return variables
}
