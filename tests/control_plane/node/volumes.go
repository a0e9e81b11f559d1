package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	authentication "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/fieldpath"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
)

type files = map[string]volumeutil.FileProjection

// volumes makes or renews the pod's volumes, each a folder.
func (r *run) volumes(ctx context.Context) error {
	for _, volume := range r.pod.Spec.Volumes {
		folder := r.folder() + "/volumes/" + volume.Name
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if volume.EmptyDir != nil {
			group := 0
			if context := r.pod.Spec.SecurityContext; context != nil && context.FSGroup != nil {
				group = int(*context.FSGroup)
			}
			must(os.Chown(folder, 0, group))
			must(os.Chmod(folder, os.ModeSetgid|0o777))
			continue
		}
		content, err := r.content(ctx, volume.VolumeSource)
		if err != nil {
			return fmt.Errorf("volume %s: %w", volume.Name, err)
		}
		writer, err := volumeutil.NewAtomicWriter(folder, r.pod.Name)
		if err != nil {
			return err
		}
		if err := writer.Write(content, nil); err != nil {
			return err
		}
	}
	return nil
}

// refresh keeps the volumes as their sources are: a Secret that came or changed, a token that grew old.
func (r *run) refresh(ctx context.Context) {
	for ctx.Err() == nil {
		r.sleep(3 * time.Second)
		if err := r.volumes(ctx); err != nil && ctx.Err() == nil {
			log.Printf("%s/%s: %v", r.pod.Namespace, r.pod.Name, err)
		}
		if r.over() {
			return
		}
	}
}

func (r *run) content(ctx context.Context, source v1.VolumeSource) (files, error) {
	all := files{}
	switch {
	case source.Secret != nil:
		optional := source.Secret.Optional != nil && *source.Secret.Optional
		return all, r.secret(ctx, all, source.Secret.SecretName, source.Secret.Items, optional)
	case source.Projected != nil:
		for _, part := range source.Projected.Sources {
			if err := r.part(ctx, all, part); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	return nil, fmt.Errorf("a kind of volume that is not known here")
}

func (r *run) part(ctx context.Context, all files, part v1.VolumeProjection) error {
	switch {
	case part.ServiceAccountToken != nil:
		return r.serviceAccountToken(ctx, all, part.ServiceAccountToken)
	case part.Secret != nil:
		optional := part.Secret.Optional != nil && *part.Secret.Optional
		return r.secret(ctx, all, part.Secret.Name, part.Secret.Items, optional)
	case part.ConfigMap != nil:
		config, err := r.node.client.CoreV1().ConfigMaps(r.pod.Namespace).Get(ctx, part.ConfigMap.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, item := range part.ConfigMap.Items {
			put(all, item.Path, []byte(config.Data[item.Key]))
		}
		return nil
	case part.DownwardAPI != nil:
		for _, item := range part.DownwardAPI.Items {
			value, err := fieldpath.ExtractFieldPathAsString(r.pod, item.FieldRef.FieldPath)
			if err != nil {
				return err
			}
			put(all, item.Path, []byte(value))
		}
		return nil
	}
	return fmt.Errorf("a kind of projection that is not known here")
}

func put(all files, path string, data []byte) {
	all[path] = volumeutil.FileProjection{Data: data, Mode: 0o644}
}

func (r *run) secret(ctx context.Context, all files, name string, items []v1.KeyToPath, optional bool) error {
	secret, err := r.node.client.CoreV1().Secrets(r.pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if optional && apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for key, value := range secret.Data {
		if items == nil {
			put(all, key, value)
		}
	}
	for _, item := range items {
		put(all, item.Path, secret.Data[item.Key])
	}
	return nil
}

// serviceAccountToken asks for a token that is bound to the pod, and again when four fifths of its hour are over.
func (r *run) serviceAccountToken(ctx context.Context, all files, wanted *v1.ServiceAccountTokenProjection) error {
	if r.token == "" || time.Since(r.tokenAge) > 48*time.Minute {
		request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{
			ExpirationSeconds: wanted.ExpirationSeconds,
			BoundObjectRef:    &authentication.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: r.pod.Name, UID: r.pod.UID},
		}}
		if wanted.Audience != "" {
			request.Spec.Audiences = []string{wanted.Audience}
		}
		answer, err := r.node.client.CoreV1().ServiceAccounts(r.pod.Namespace).CreateToken(ctx, r.pod.Spec.ServiceAccountName,
			request, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		r.token, r.tokenAge = answer.Status.Token, time.Now()
	}
	put(all, wanted.Path, []byte(r.token))
	return nil
}
