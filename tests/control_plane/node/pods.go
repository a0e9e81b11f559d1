package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pods are those that run here, by their uid.
type pods struct {
	node *Node
	lock sync.Mutex
	all  map[types.UID]*run
	next atomic.Int32
}

func newPods(node *Node) *pods { return &pods{node: node, all: map[types.UID]*run{}} }

// see takes a pod in whatever state the API server has it.
func (p *pods) see(ctx context.Context, pod *v1.Pod) {
	p.lock.Lock()
	defer p.lock.Unlock()
	one := p.all[pod.UID]
	if one == nil {
		one = &run{node: p.node, pod: pod, stopping: make(chan struct{})}
		p.all[pod.UID] = one
		number := p.next.Add(1)
		one.net = fmt.Sprintf("podium-%d", number)
		one.ip = fmt.Sprintf("10.99.%d.%d", 1+number/250, 1+number%250)
		go func() {
			one.live(ctx)
			p.lock.Lock()
			defer p.lock.Unlock()
			delete(p.all, pod.UID)
		}()
	}
	if pod.DeletionTimestamp != nil {
		one.stop(pod)
	}
}

func (p *pods) find(key string) *run {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, one := range p.all {
		if one.pod.Namespace+"/"+one.pod.Name == key {
			return one
		}
	}
	return nil
}

// end kills what still runs when the stand-in itself is told to stop.
func (p *pods) end() {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, one := range p.all {
		if process := one.process(); process != nil {
			_ = process.Kill()
		}
		_ = ip4("netns", "delete", one.net)
	}
}

// run is one pod from its binding to its end.
type run struct {
	node        *Node
	pod         *v1.Pod
	net, ip     string
	environment []string
	stopping    chan struct{}

	lock     sync.Mutex
	stopped  bool
	grace    time.Duration
	command  *exec.Cmd
	state    v1.ContainerState
	last     v1.ContainerState
	ready    bool
	readyAt  metav1.Time
	restarts int32
	phase    v1.PodPhase
	token    string
	tokenAge time.Time
}

func (r *run) folder() string { return r.node.folder + "/pods/" + string(r.pod.UID) }
func (r *run) log() string    { return r.folder() + "/log" }

func (r *run) stop(pod *v1.Pod) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if !r.stopped {
		r.stopped = true
		if pod.DeletionGracePeriodSeconds != nil {
			r.grace = time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
		}
		close(r.stopping)
	}
}

func (r *run) over() bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.stopped || r.phase == v1.PodSucceeded || r.phase == v1.PodFailed
}

func (r *run) process() *os.Process {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.command == nil {
		return nil
	}
	return r.command.Process
}

// live runs the container, again and again as the pod's policy says, until the pod is deleted.
func (r *run) live(ctx context.Context) {
	defer r.clean()
	must(os.MkdirAll(r.folder(), 0o755))
	r.network()
	pause := time.Duration(0)
	for !r.over() {
		command, waiting := r.prepare(ctx)
		if waiting == nil {
			waiting = r.begin(command)
		}
		if waiting != nil {
			r.set(ctx, v1.PodPending, v1.ContainerState{Waiting: waiting}, false)
			r.sleep(2 * time.Second)
			continue
		}
		r.set(ctx, v1.PodRunning, v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: metav1.Now()}},
			r.container().ReadinessProbe == nil)
		code := r.attend(ctx, command)
		if r.finish(ctx, code) {
			<-r.stopping
			break
		}
		r.set(ctx, v1.PodRunning, v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}, false)
		r.sleep(pause)
		pause = min(max(2*pause, 10*time.Second), 5*time.Minute)
		r.restarts++
	}
	now := int64(0)
	_ = r.node.client.CoreV1().Pods(r.pod.Namespace).Delete(ctx, r.pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &r.pod.UID},
	})
}

func (r *run) begin(command *exec.Cmd) *v1.ContainerStateWaiting {
	r.lock.Lock()
	defer r.lock.Unlock()
	if err := command.Start(); err != nil {
		return &v1.ContainerStateWaiting{Reason: "CreateContainerError", Message: err.Error()}
	}
	r.command = command
	return nil
}

// attend waits for the process's end, asking the probes meanwhile, and ends it when the pod is to go.
func (r *run) attend(ctx context.Context, command *exec.Cmd) int32 {
	probing, stop := context.WithCancel(ctx)
	defer stop()
	go r.refresh(probing)
	if probe := r.container().ReadinessProbe; probe != nil {
		go r.probe(probing, probe, func(well bool) { r.setReady(probing, well) })
	}
	if probe := r.container().LivenessProbe; probe != nil {
		go r.probe(probing, probe, func(well bool) {
			if !well {
				_ = command.Process.Signal(syscall.SIGTERM)
			}
		})
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-r.stopping:
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(r.grace):
			_ = command.Process.Kill()
			<-ended
		}
	}
	r.lock.Lock()
	r.command = nil
	r.lock.Unlock()
	if status, ok := command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int32(status.Signal())
	}
	return int32(command.ProcessState.ExitCode())
}

// finish reports the end of the process, and says whether it is the pod's too.
func (r *run) finish(ctx context.Context, code int32) bool {
	reason, phase := "Completed", v1.PodSucceeded
	if code != 0 {
		reason, phase = "Error", v1.PodFailed
	}
	ended := v1.ContainerState{Terminated: &v1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: metav1.Now()}}
	if running := r.state.Running; running != nil {
		ended.Terminated.StartedAt = running.StartedAt
	}
	policy := r.pod.Spec.RestartPolicy
	last := r.over() || policy == v1.RestartPolicyNever || policy == v1.RestartPolicyOnFailure && code == 0
	if !last {
		phase = v1.PodRunning
		r.last = ended
	}
	r.set(ctx, phase, ended, false)
	return last
}

func (r *run) sleep(pause time.Duration) {
	select {
	case <-r.stopping:
	case <-time.After(pause):
	}
}

func (r *run) setReady(ctx context.Context, ready bool) {
	r.lock.Lock()
	phase, state := r.phase, r.state
	r.lock.Unlock()
	if ctx.Err() == nil {
		r.set(ctx, phase, state, ready)
	}
}

// set keeps the pod's state and reports it.
func (r *run) set(ctx context.Context, phase v1.PodPhase, state v1.ContainerState, ready bool) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.ready != ready || r.readyAt.IsZero() {
		r.readyAt = metav1.Now()
	}
	r.phase, r.state, r.ready = phase, state, ready
	patch := encode(map[string]any{"metadata": map[string]any{"uid": r.pod.UID}, "status": r.status()})
	_, err := r.node.client.CoreV1().Pods(r.pod.Namespace).Patch(ctx, r.pod.Name, types.MergePatchType, patch,
		metav1.PatchOptions{}, "status")
	if err != nil && ctx.Err() == nil {
		log.Printf("status of %s/%s: %v", r.pod.Namespace, r.pod.Name, err)
	}
}

func (r *run) status() v1.PodStatus {
	started := r.state.Running != nil
	ready := v1.ConditionFalse
	if r.ready {
		ready = v1.ConditionTrue
	}
	reason := ""
	if !r.ready {
		reason = "ContainersNotReady"
	}
	if r.phase == v1.PodSucceeded {
		reason = "PodCompleted"
	}
	condition := func(kind v1.PodConditionType, status v1.ConditionStatus, at metav1.Time, reason string) v1.PodCondition {
		return v1.PodCondition{Type: kind, Status: status, LastTransitionTime: at, Reason: reason, ObservedGeneration: r.pod.Generation}
	}
	born := r.pod.CreationTimestamp
	container := r.container()
	return v1.PodStatus{
		ObservedGeneration: r.pod.Generation,
		Phase:              r.phase,
		HostIP:             address, HostIPs: []v1.HostIP{{IP: address}},
		PodIP: r.ip, PodIPs: []v1.PodIP{{IP: r.ip}},
		StartTime: &born,
		QOSClass:  r.pod.Status.QOSClass,
		Conditions: []v1.PodCondition{
			condition(v1.PodReadyToStartContainers, v1.ConditionTrue, born, ""),
			condition(v1.PodInitialized, v1.ConditionTrue, born, ""),
			condition(v1.PodReady, ready, r.readyAt, reason),
			condition(v1.ContainersReady, ready, r.readyAt, reason),
			condition(v1.PodScheduled, v1.ConditionTrue, born, ""),
		},
		ContainerStatuses: []v1.ContainerStatus{{
			Name: container.Name, Image: container.Image, ImageID: container.Image, ContainerID: "process://" + r.net,
			State: r.state, LastTerminationState: r.last, Ready: r.ready, Started: &started, RestartCount: r.restarts,
		}},
	}
}

func (r *run) container() *v1.Container { return &r.pod.Spec.Containers[0] }

func encode(value any) []byte {
	text, err := json.Marshal(value)
	must(err)
	return text
}
