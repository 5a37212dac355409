package loader

// fileRules are about the secrets and configs of a service.
func fileRules() map[string]rule {
	rules := map[string]rule{}
	for kind, target := range map[string]string{
		"secrets": "a relative one is below /run/secrets; not given, it is the secret's name",
		"configs": "a relative one is below /; not given, it is the config's name",
	} {
		rules[kind] = is(parts)
		rules[join(kind, "[].source")] = is(honoured)
		rules[join(kind, "[].target")] = but(target)
		rules[join(kind, "[].uid")] = but("a number; not given, 0")
		rules[join(kind, "[].gid")] = but("a number; not given, 0")
		rules[join(kind, "[].mode")] = but("the file's permissions, wherever its content is from; not given, 0444")
	}
	return rules
}

// secretRules are about the top-level secrets, configRules about the configs.
func secretRules() map[string]rule {
	return map[string]rule{
		"file":            but("a regular file of at most 10 MiB"),
		"environment":     but("of the process or an env file of the project; not set is an error"),
		"external":        but("the file of that name in GOCOMPOSE_SECRETS, which is /etc/gocompose/secrets when not set, or among systemd's credentials"),
		"name":            but("of an external one; of others it means nothing"),
		"labels":          nothing("a description for people"),
		"driver":          no("there are no drivers of secrets; use file, environment or external"),
		"driver_opts":     no("there are no drivers of secrets; remove it"),
		"template_driver": no("contents are taken as they are; remove it"),
	}
}

func configRules() map[string]rule {
	return map[string]rule{
		"file":            but("a regular file of at most 10 MiB"),
		"environment":     but("of the process or an env file of the project; not set is an error"),
		"content":         is(honoured),
		"external":        but("the file of that name in GOCOMPOSE_CONFIGS, which is /etc/gocompose/configs when not set"),
		"name":            but("of an external one; of others it means nothing"),
		"labels":          nothing("a description for people"),
		"template_driver": no("contents are taken as they are; remove it"),
	}
}
