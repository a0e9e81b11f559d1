package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// Image is a program of this machine that stands for an image.
type Image struct {
	FullName string
	// Program is mounted at the path where the image has it; empty for one that the machine has anyway.
	Program, At string
	Entry       []string
	User        int64
}

// images are known by the last part of their names, before the tag.
func images(folder string) map[string]Image {
	keda := "ghcr.io/kedacore/"
	return map[string]Image{
		"podium":                  {"docker.io/library/podium:latest", folder + "/podium", "/usr/local/bin/podium", []string{"/usr/local/bin/podium"}, 65532},
		"redis":                   {"docker.io/library/redis:7-alpine", "", "", []string{"redis-server"}, 999},
		"keda":                    {keda + "keda:main", folder + "/operator", "/keda", []string{"/keda"}, 65532},
		"keda-metrics-apiserver":  {keda + "keda-metrics-apiserver:main", folder + "/adapter", "/keda-adapter", []string{"/keda-adapter"}, 65532},
		"keda-admission-webhooks": {keda + "keda-admission-webhooks:main", folder + "/webhooks", "/keda-admission-webhooks", []string{"/keda-admission-webhooks"}, 65532},
	}
}

func (r *run) image() (Image, bool) {
	name := r.container().Image
	name = name[strings.LastIndex(name, "/")+1:]
	name, _, _ = strings.Cut(name, ":")
	image, known := r.node.images[name]
	return image, known
}

func ip4(arguments ...string) error {
	out, err := exec.Command("ip", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %v: %w: %s", arguments, err, out)
	}
	return nil
}

// network gives the pod a network of its own, on the bridge that all pods and this machine are on.
func (r *run) network() {
	inside, outside := r.net+"i", r.net
	for _, step := range []string{
		"netns add " + r.net,
		"link add " + outside + " type veth peer name " + inside + " netns " + r.net,
		"link set " + outside + " master " + bridge + " up",
		"-n " + r.net + " link set lo up",
		"-n " + r.net + " link set " + inside + " name eth0 up",
		"-n " + r.net + " addr add " + r.ip + "/16 dev eth0",
		"-n " + r.net + " route add default via " + address,
	} {
		if err := ip4(strings.Fields(step)...); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func (r *run) clean() {
	_ = ip4("netns", "delete", r.net)
	_ = os.RemoveAll(r.folder() + "/volumes")
}

// prepare makes the command that becomes the container, or says why it must wait.
func (r *run) prepare(ctx context.Context) (*exec.Cmd, *v1.ContainerStateWaiting) {
	image, known := r.image()
	if !known {
		return nil, &v1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such image on this node"}
	}
	if err := r.volumes(ctx); err != nil {
		return nil, &v1.ContainerStateWaiting{Reason: "ContainerCreating", Message: err.Error()}
	}
	variables, err := r.variables(ctx)
	if err != nil {
		return nil, &v1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: err.Error()}
	}
	container := r.container()
	line := image.Entry
	if len(container.Command) > 0 {
		line = container.Command
	}
	line = append(append([]string{}, line...), container.Args...)
	for i := range line {
		line[i] = expansion.Expand(line[i], expansion.MappingFuncFor(variables))
	}
	r.environment = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "HOSTNAME=" + r.pod.Name}
	for name, value := range variables {
		r.environment = append(r.environment, name+"="+value)
	}
	command := exec.Command("ip", append([]string{"netns", "exec", r.net, "unshare", "--mount", "--propagation", "private",
		"sh", "-ec", r.script(image), "container"}, append(r.become(), line...)...)...)
	command.Env = r.environment
	file, err := os.OpenFile(r.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, &v1.ContainerStateWaiting{Reason: "CreateContainerError", Message: err.Error()}
	}
	command.Stdout, command.Stderr = file, file
	return command, nil
}

// script builds what the process sees as its file system: the machine's with a throw-away layer over it, the volumes
// where the pod has them, and the hosts that stand in for the cluster's DNS. It goes with the process.
func (r *run) script(image Image) string {
	var mounts strings.Builder
	mount := func(source, target string, folder bool, readOnly bool) {
		make := fmt.Sprintf("mkdir -p \"$(dirname %s)\"; touch %s", target, target)
		if folder {
			make = "mkdir -p " + target
		}
		fmt.Fprintf(&mounts, "%s\nmount --bind /.pod/%s %s\n", make, source, target)
		if readOnly {
			fmt.Fprintf(&mounts, "mount -o remount,bind,ro %s\n", target)
		}
	}
	if image.Program != "" {
		mount("program", image.At, false, false)
	}
	for _, volume := range r.container().VolumeMounts {
		mount("volumes/"+volume.Name, volume.MountPath, true, volume.ReadOnly)
	}
	mount("hosts", "/etc/hosts", false, false)
	last := ""
	if context := r.container().SecurityContext; context != nil && context.ReadOnlyRootFilesystem != nil && *context.ReadOnlyRootFilesystem {
		last = "mount -o remount,bind,ro /\n"
	}
	return fmt.Sprintf(`
layer=%[1]s/layer; mkdir -p $layer; mount -t tmpfs tmpfs $layer; mkdir $layer/upper $layer/work $layer/root
root=$layer/root; mount -t overlay overlay -o lowerdir=/,upperdir=$layer/upper,workdir=$layer/work $root
for folder in dev proc sys; do mount --rbind /$folder $root/$folder; done
mkdir $root/.pod; mount --bind %[1]s $root/.pod
touch %[1]s/hosts; mount --bind %[2]s/hosts $root/.pod/hosts
if [ -n "%[3]s" ]; then touch %[1]s/program; mount --bind "%[3]s" $root/.pod/program; fi
chroot $root sh -ec '%[4]s'
chroot $root sh -ec '%[5]s'
cd $root; exec chroot $root "$@"
`, r.folder(), r.node.folder, image.Program, mounts.String(), last)
}

// become is the command in front of the container's own that gives away what the pod's security context takes.
func (r *run) become() []string {
	image, _ := r.image()
	user := image.User
	groups := ""
	if context := r.pod.Spec.SecurityContext; context != nil {
		if context.RunAsUser != nil {
			user = *context.RunAsUser
		}
		if context.FSGroup != nil {
			groups = "," + strconv.FormatInt(*context.FSGroup, 10)
		}
	}
	id := strconv.FormatInt(user, 10)
	line := []string{"setpriv", "--reuid", id, "--regid", id, "--groups", id + groups}
	if context := r.container().SecurityContext; context != nil {
		if context.AllowPrivilegeEscalation != nil && !*context.AllowPrivilegeEscalation {
			line = append(line, "--no-new-privs")
		}
		if context.Capabilities != nil && len(context.Capabilities.Drop) > 0 {
			line = append(line, "--bounding-set=-all", "--inh-caps=-all")
		}
	}
	return line
}

// variables are the Services' and then the container's own, which may refer to those before them.
func (r *run) variables(ctx context.Context) (map[string]string, error) {
	variables := r.node.services.variables(r.pod)
	core := r.node.client.CoreV1()
	for _, variable := range r.container().Env {
		value := expansion.Expand(variable.Value, expansion.MappingFuncFor(variables))
		if from := variable.ValueFrom; from != nil {
			switch {
			case from.FieldRef != nil && from.FieldRef.FieldPath == "status.podIP":
				value = r.ip
			case from.FieldRef != nil:
				field, err := fieldpath.ExtractFieldPathAsString(r.pod, from.FieldRef.FieldPath)
				if err != nil {
					return nil, err
				}
				value = field
			case from.SecretKeyRef != nil:
				ref := from.SecretKeyRef
				secret, err := core.Secrets(r.pod.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
				bytes, there := []byte(nil), false
				if err == nil {
					bytes, there = secret.Data[ref.Key]
				}
				if !there && ref.Optional != nil && *ref.Optional {
					continue
				}
				if err != nil {
					return nil, err
				}
				if !there {
					return nil, fmt.Errorf("couldn't find key %s in Secret %s/%s", ref.Key, r.pod.Namespace, ref.Name)
				}
				value = string(bytes)
			default:
				return nil, fmt.Errorf("variable %s comes from what is not known here", variable.Name)
			}
		}
		variables[variable.Name] = value
	}
	return variables, nil
}
