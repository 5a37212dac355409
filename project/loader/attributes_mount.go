package loader

// mountRules are about one entry of a service's volumes.
func mountRules() map[string]rule {
	return map[string]rule{
		"type": only("only bind, volume, tmpfs and image mounts are made: npipe is for Windows, and cluster volumes are Swarm's",
			"bind", "volume", "tmpfs", "image"),
		"source":      but("of a bind, a folder or a file, also a link to one; of an image, its name: when it comes to stand for another image, the container is replaced"),
		"target":      but("parents are mounted before what is below them; / cannot be mounted over"),
		"read_only":   is(honoured),
		"consistency": nothing("a hint for other systems than Linux"),
		"bind":        is(parts),
		"bind.create_host_path": but("a missing source is made as a folder when the container is made, and an error when it is " +
			"started again; not given, it is true"),
		"bind.propagation": but("the shared ones need a source on a mount of the host that is shared, the slave ones on one that is " +
			"shared or a slave"),
		"bind.recursive": but("not given, it is enabled: mounts below a read-only bind are read-only too, from Linux 5.12 on; readonly " +
			"fails where the kernel cannot do it"),
		"bind.selinux": but("on a host without SELinux there is nothing to do; where it is enabled the container is not made, " +
			"because nothing is relabelled"),
		"volume":         is(parts),
		"volume.nocopy":  but("not given, an empty volume is filled from the image, unless subpath is given"),
		"volume.labels":  but("of an anonymous volume, when it is made; those of a named one are at the top level"),
		"volume.subpath": but("it must be there when the container is started; links in it cannot leave the volume"),
		"tmpfs":          is(parts),
		"tmpfs.size":     is(honoured),
		"tmpfs.mode":     is(honoured),
		"image":          is(parts),
		"image.subpath":  but("of the image's files, which are read-only"),
	}
}
