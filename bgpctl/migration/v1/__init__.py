"""The data of Calico v1 out of its three places, etcd, YAML of calicoctl and the Kubernetes API, as objects."""
