package loader

// buildRules are about how images are built. What begins with x-, also x-bake, is for other
// programs.
func buildRules() map[string]rule {
	const mounted = "the Dockerfile's RUN --mount=type=secret says as whom and with which permissions"
	return map[string]rule{
		"context":             but("a folder, the URL of a git repository or of an archive, or - for an archive or a Dockerfile on standard input"),
		"dockerfile":          but("relative to the context; it may be outside of it"),
		"dockerfile_inline":   is(honoured),
		"args":                but("those without a value take it from the environment, and are as not given where it has none"),
		"target":              is(honoured),
		"labels":              but("com.docker.compose.* are gocompose's own, whatever the file says"),
		"tags":                is(honoured),
		"additional_contexts": but("a folder, a URL, docker-image://, oci-layout://, and service:NAME, which is built before"),
		"cache_from":          but("a reference, or type=registry, local, gha, s3, azblob with their parameters"),
		"cache_to":            but("a reference, or type=registry, local, inline, gha, s3, azblob with their parameters"),
		"no_cache":            is(honoured),
		"no_cache_filter":     is(honoured),
		"pull":                is(honoured),
		"platforms":           but("by `build`; `up` and what it shares its path with build for the one that the service runs on"),
		"network":             only("only default, none and host are: BuildKit knows no other networks", "", "default", "none", "host"),
		"extra_hosts":         is(honoured),
		"shm_size":            is(honoured),
		"ulimits":             is(honoured),
		"privileged":          but("for those steps that say RUN --security=insecure"),
		"entitlements":        is(honoured),
		"isolation":           only("only default is; the others are of Windows", "", "default"),
		"secrets":             is(parts),
		"secrets.[].source":   is(honoured),
		"secrets.[].target":   but("the id that RUN --mount=type=secret names; not given, it is the secret's name"),
		"secrets.[].uid":      nothing(mounted),
		"secrets.[].gid":      nothing(mounted),
		"secrets.[].mode":     nothing(mounted),
		"ssh":                 but("default, which is the agent of SSH_AUTH_SOCK, or ID=PATH of keys or of an agent's socket"),
		"provenance":          is(honoured),
		"sbom":                is(honoured),
	}
}
