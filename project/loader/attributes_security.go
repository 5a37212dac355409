package loader

// securityRules are about what a container's processes may do, and which
// namespaces and cgroups they are in.
func securityRules() map[string]rule {
	return map[string]rule{
		"security_opt": but("seccomp=FILE, builtin or unconfined; apparmor=PROFILE or unconfined; no-new-privileges; " +
			"systempaths=unconfined; writable-cgroups; label=…, which does nothing without SELinux, and with it only disable starts; " +
			"the seccomp profile is in Docker's format, and a changed one replaces the container"),
		"group_add": but("names are looked up in the image"),
		"umask":     but("of the container's own process and of its health checks"),
		"userns_mode": only("only host is: containers are in the host's user namespace, as with Docker unless that maps users",
			"host"),
		"ipc":    but("private, shareable, host, none, service:NAME, container:NAME; who shares it has the other's /dev/shm too, and that has to be shareable"),
		"pid":    but("host, service:NAME, container:NAME; who shares it ends with the other"),
		"uts":    only("only host is, with Docker too; remove it for one of the container's own", "host"),
		"cgroup": but("host or private; not given, private where there is cgroup version 2 alone, and else host"),
		"cgroup_parent": but("a path from the root of the hierarchy; names of systemd's, which end in .slice, are refused: " +
			"cgroups are made without it"),
		"runtime": but("the name of an OCI runtime in PATH, or its absolute path; runc and io.containerd.runc.v2 are the one that gocompose has; " +
			"other shims of containerd's are refused: logs and restarts need gocompose's own"),
	}
}

// verifyRules are about the signatures of images, of a service or of all.
func verifyRules() map[string]rule {
	return map[string]rule{
		"verify":                 is(parts),
		"verify.key":             but("gocompose's own: images have to be signed by cosign with this key; `verify: false` exempts a service, see docs/trust.md"),
		"verify.identity":        but("or signed by this identity, as certified by the authorities of root"),
		"verify.identity_regexp": is(honoured),
		"verify.issuer":          but("the one who has vouched for the identity"),
		"verify.issuer_regexp":   is(honoured),
		"verify.root":            but("a trusted_root.json of sigstore; nothing is fetched"),
	}
}
