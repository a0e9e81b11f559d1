// Command node is what a cluster needs of a node, without containers: it registers itself, runs the pods that are bound
// to it as processes of this machine, reports on them, and leads the addresses of Services to ready pods, which on a
// node of the usual make is kube-proxy's part.
//
// It is here so that Podium can be tried against the programs that make up a Kubernetes cluster, where no container can
// be run. It knows of pods what the manifests of Podium and of KEDA use: one container each, no init containers.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	coordination "k8s.io/api/coordination/v1"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	nodeName = "stand-in"
	// address is the machine's own on the bridge that the pods are on. It is the node's, the API server's, and the
	// pods' gateway.
	address = "10.99.0.1"
	bridge  = "podium0"
)

// Node is the stand-in with all that it knows.
type Node struct {
	client   *kubernetes.Clientset
	folder   string
	images   map[string]Image
	services *services
	pods     *pods
}

func main() {
	folder := flag.String("folder", "", "where certificates are read from and pods are kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", *folder+"/admin.kubeconfig")
	must(err)
	config.QPS, config.Burst = 200, 400
	node := &Node{client: kubernetes.NewForConfigOrDie(config), folder: *folder, images: images(*folder + "/bin")}
	node.services = newServices(*folder + "/hosts")
	node.pods = newPods(node)
	must(node.register(ctx))
	go node.beat(ctx)

	all := informers.NewSharedInformerFactory(node.client, 0)
	node.services.follow(all)
	all.Start(ctx.Done())
	// A pod's environment has the Services that there were when it started, so those come first.
	all.WaitForCacheSync(ctx.Done())
	mine := informers.NewSharedInformerFactoryWithOptions(node.client, 0, informers.WithTweakListOptions(
		func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", nodeName).String()
		}))
	_, err = mine.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(pod any) { node.pods.see(ctx, pod.(*v1.Pod)) },
		UpdateFunc: func(_, pod any) { node.pods.see(ctx, pod.(*v1.Pod)) },
	})
	must(err)
	mine.Start(ctx.Done())
	go func() { must(node.serve()) }()
	log.Printf("node %s is up", nodeName)
	<-ctx.Done()
	node.pods.end()
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// register makes the Node object, with the images in the words in which containerd names them.
func (n *Node) register(ctx context.Context) error {
	nodes := n.client.CoreV1().Nodes()
	_, err := nodes.Create(ctx, &v1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   nodeName,
		Labels: map[string]string{"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": nodeName},
	}}, metav1.CreateOptions{})
	if err != nil {
		log.Printf("the node was there: %v", err)
	}
	return n.report(ctx)
}

func (n *Node) report(ctx context.Context) error {
	room := v1.ResourceList{
		v1.ResourceCPU:    resource.MustParse("4"),
		v1.ResourceMemory: resource.MustParse("8Gi"),
		v1.ResourcePods:   resource.MustParse("110"),
	}
	now := metav1.Now()
	status := v1.NodeStatus{
		Capacity:        room,
		Allocatable:     room,
		Addresses:       []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: address}, {Type: v1.NodeHostName, Address: nodeName}},
		DaemonEndpoints: v1.NodeDaemonEndpoints{KubeletEndpoint: v1.DaemonEndpoint{Port: kubeletPort}},
		Conditions: []v1.NodeCondition{{
			Type: v1.NodeReady, Status: v1.ConditionTrue, Reason: "KubeletReady",
			LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		NodeInfo: v1.NodeSystemInfo{KubeletVersion: "v1.36.3-stand-in", OperatingSystem: "linux", Architecture: "amd64"},
	}
	for _, image := range n.images {
		status.Images = append(status.Images, v1.ContainerImage{Names: []string{image.FullName}, SizeBytes: 1})
	}
	patch := encode(map[string]any{"status": status})
	_, err := n.client.CoreV1().Nodes().Patch(ctx, nodeName, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// beat renews the lease by which the node controller knows that the node lives.
func (n *Node) beat(ctx context.Context) {
	leases := n.client.CoordinationV1().Leases(v1.NamespaceNodeLease)
	seconds, holder := int32(40), nodeName
	for ; ctx.Err() == nil; time.Sleep(10 * time.Second) {
		now := metav1.NowMicro()
		spec := coordination.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &now}
		patch := encode(map[string]any{"spec": spec})
		_, err := leases.Patch(ctx, nodeName, types.MergePatchType, patch, metav1.PatchOptions{})
		if apierrors.IsNotFound(err) {
			lease := &coordination.Lease{ObjectMeta: metav1.ObjectMeta{Name: nodeName}, Spec: spec}
			_, err = leases.Create(ctx, lease, metav1.CreateOptions{})
		}
		if err != nil {
			log.Printf("lease: %v", err)
		}
		if err := n.report(ctx); err != nil {
			log.Printf("report: %v", err)
		}
	}
}
