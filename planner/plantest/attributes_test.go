package plantest_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/project/loader"
)

// values are what attributes may be set to, as JSON: what is right, what is at the
// edge, and what is too much.
var values = map[string]map[string][]string{
	"services": serviceValues,
	"networks": {
		"name": {`"named"`, `"theirs"`}, "external": {`true`, `false`}, "internal": {`true`}, "attachable": {`true`},
		"driver": {`"bridge"`, `"macvlan"`, `"host"`, `"none"`}, "enable_ipv4": {`true`, `false`}, "enable_ipv6": {`true`},
		"driver_opts": {`{"com.docker.network.driver.mtu": "1400"}`, `{"parent": "eth0"}`}, "labels": {`{"a": "b"}`, `["a=c"]`},
		"ipam": {`{"config": [{"subnet": "10.7.0.0/24"}]}`, `{"config": [{"subnet": "10.8.0.0/24", "gateway": "10.8.0.9"}, {"subnet": "fd07::/64"}]}`},
	},
	"volumes": {
		"name": {`"named"`, `"theirs"`}, "external": {`true`, `false`}, "driver": {`"local"`}, "labels": {`{"a": "b"}`, `["a=c"]`},
		"driver_opts": {`{"type": "none", "device": "/srv", "o": "bind"}`, `{"type": "tmpfs", "device": "tmpfs"}`},
	},
	"secrets": {
		"file": {`"./secret"`, `"/etc/hostname"`}, "environment": {`"HOME"`}, "name": {`"named"`}, "external": {`true`},
		"labels": {`{"a": "b"}`}, "driver": {`"vault"`}, "driver_opts": {`{"a": "b"}`}, "template_driver": {`"golang"`},
	},
	"configs": {
		"file": {`"./config"`}, "content": {`"text"`, `""`}, "environment": {`"HOME"`}, "name": {`"named"`}, "external": {`true`},
		"labels": {`{"a": "b"}`}, "template_driver": {`"golang"`},
	},
	"models": {"model": {`"ai/small"`}, "context_size": {`1024`}, "runtime_flags": {`["-v"]`}},
}

var serviceValues = map[string][]string{
	"annotations":         {`{"a": "b"}`, `["a=c"]`},
	"attach":              {`true`, `false`},
	"blkio_config":        {`{"weight": 300}`, `{"device_read_bps": [{"path": "/dev/null", "rate": "1mb"}]}`},
	"build":               {`"."`},
	"cap_add":             {`["NET_ADMIN"]`, `["ALL"]`},
	"cap_drop":            {`["ALL"]`, `["MKNOD", "mknod"]`},
	"cgroup":              {`"host"`, `"private"`},
	"cgroup_parent":       {`"m-executor"`, `"/x"`},
	"command":             {`"run"`, `["sh", "-c", "exit 0"]`, `["sh", "-c", "exit 3"]`, `null`, `[]`},
	"configs":             {`["one"]`, `[{"source": "two", "target": "/two", "mode": "0440"}]`},
	"container_name":      {`"one"`, `"two"`, `"demo-web-1"`},
	"cpu_count":           {`2`},
	"cpu_percent":         {`50`},
	"cpu_period":          {`100000`},
	"cpu_quota":           {`50000`},
	"cpu_rt_period":       {`"1400us"`},
	"cpu_rt_runtime":      {`"400us"`},
	"cpu_shares":          {`512`},
	"cpus":                {`0.5`, `"2"`},
	"cpuset":              {`"0"`, `"0-1"`},
	"credential_spec":     {`{"file": "x.json"}`},
	"depends_on":          {`["web"]`, `["db", "cache"]`, `{"db": {"condition": "service_healthy"}}`, `{"cache": {"condition": "service_completed_successfully", "required": false}}`, `{"db": {"condition": "service_started", "restart": true}}`},
	"deploy":              deployValues,
	"develop":             {`{"watch": [{"path": ".", "action": "rebuild"}]}`},
	"device_cgroup_rules": {`["c 1:3 mr"]`},
	"devices":             {`["/dev/null:/dev/null"]`, `["vendor1.com/device=gpu"]`},
	"dns":                 {`"192.0.2.1"`, `["192.0.2.1", "2001:db8::1"]`},
	"dns_opt":             {`["ndots:2"]`},
	"dns_search":          {`"."`, `["example.com"]`, `[]`},
	"domainname":          {`"example.com"`},
	"entrypoint":          {`"/init"`, `["/init", "--"]`, `""`},
	"env_file":            {`[{"path": "none.env", "required": false}]`},
	"environment":         {`{"A": "1"}`, `["A=2", "B"]`, `{"A": null}`},
	"expose":              {`["80"]`, `[80, "81-83/udp"]`},
	"extends":             {`{"service": "base"}`},
	"external_links":      {`["far"]`, `["far:near"]`},
	"extra_hosts":         {`["a=192.0.2.1"]`, `{"b": "host-gateway"}`},
	"gpus":                {`"all"`},
	"group_add":           {`["mail"]`, `[1000]`},
	"healthcheck":         {`{"test": "true"}`, `{"test": ["CMD-SHELL", "exit 1"], "retries": 2}`, `{"disable": true}`, `{"interval": "3s"}`},
	"hostname":            {`"front"`},
	"image":               {`"img:0"`, `"img:1"`, `"localhost:5000/x"`},
	"init":                {`true`, `false`},
	"ipc":                 {`"host"`, `"shareable"`, `"service:db"`},
	"isolation":           {`"default"`},
	"label_file":          {`"none.label"`},
	"labels":              {`{"a": "b"}`, `["a=c", "d"]`},
	"links":               {`["db"]`, `["cache:store"]`},
	"logging":             {`{"driver": "none"}`, `{"driver": "json-file", "options": {"max-size": "5m"}}`, `{"driver": "local"}`},
	"mac_address":         {`"02:42:ac:11:00:02"`},
	"mem_limit":           {`"64m"`, `67108865`},
	"mem_reservation":     {`"32m"`},
	"mem_swappiness":      {`10`},
	"memswap_limit":       {`"128m"`, `-1`},
	"models":              {`["small"]`},
	"network_mode":        {`"host"`, `"none"`, `"bridge"`, `"service:db"`, `"container:far"`, `"service:web"`},
	"networks":            {`["front"]`, `{"front": {"aliases": ["x"], "priority": 3}, "back": null}`, `{"back": {"ipv4_address": "10.7.0.7"}}`, `{"back": {"mac_address": "02:42:ac:11:00:05", "interface_name": "in0"}}`},
	"oom_kill_disable":    {`false`, `true`},
	"oom_score_adj":       {`-500`, `10`},
	"pid":                 {`"host"`, `"service:db"`, `"container:far"`},
	"pids_limit":          {`100`, `-1`},
	"platform":            {`"linux"`, `"linux/amd64"`},
	"ports":               {`["80"]`, `["8080:80"]`, `["8080-8082:80"]`, `[{"target": 81, "published": "8081", "mode": "host"}]`, `["127.0.0.1:8080:80/udp"]`},
	"post_start":          {`[{"command": ["true"]}]`},
	"pre_start":           {`[{"command": ["true"], "image": "img:0"}]`},
	"pre_stop":            {`[{"command": ["true"], "user": "root"}]`},
	"privileged":          {`true`},
	"profiles":            {`["off"]`, `[]`},
	"provider":            {`{"type": "model", "options": {"model": "x"}}`},
	"pull_policy":         {`"missing"`, `"always"`, `"never"`, `"daily"`},
	"pull_refresh_after":  {`"24h"`},
	"read_only":           {`true`},
	"restart":             {`"always"`, `"no"`, `"on-failure:2"`, `"unless-stopped"`},
	"runtime":             {`"runc"`, `"other"`},
	"scale":               {`0`, `2`, `3`},
	"secrets":             {`["one"]`, `[{"source": "two", "target": "elsewhere", "uid": "7"}]`},
	"security_opt":        {`["no-new-privileges:true"]`, `["seccomp:unconfined"]`},
	"shm_size":            {`"128m"`},
	"stdin_open":          {`true`, `false`},
	"stop_grace_period":   {`"3s"`, `"0s"`},
	"stop_signal":         {`"SIGQUIT"`, `"9"`},
	"storage_opt":         {`{"size": "1G"}`},
	"sysctls":             {`{"net.core.somaxconn": 1024}`, `["kernel.msgmax=1"]`},
	"tmpfs":               {`"/run"`, `["/run:size=1m", "/data"]`},
	"tty":                 {`true`, `false`},
	"ulimits":             {`{"nofile": 1024}`, `{"nofile": {"soft": 10, "hard": 20}}`},
	"umask":               {`"0022"`},
	"use_api_socket":      {`true`},
	"user":                {`"1000"`, `"root:root"`},
	"userns_mode":         {`"host"`},
	"uts":                 {`"host"`},
	"volumes":             {`["data:/data"]`, `["/image"]`, `["./src:/src:ro", "theirs:/theirs"]`, `[{"type": "tmpfs", "target": "/t", "tmpfs": {"size": 10}}]`, `[{"type": "volume", "source": "data", "target": "/data", "volume": {"subpath": "x"}}]`, `[{"type": "image", "source": "img:2", "target": "/img"}]`},
	"volumes_from":        {`["db"]`, `["container:far:ro"]`},
	"working_dir":         {`"/srv"`},
	"x-gocompose":         {`{"restart_unhealthy": true}`},
	"x-other":             {`[1, {"2": null}]`},
}

var deployValues = []string{
	`{"replicas": 2}`, `{"replicas": 0}`, `{"mode": "global"}`, `{"mode": "replicated-job", "replicas": 2}`, `{"mode": "global-job"}`,
	`{"endpoint_mode": "dnsrr"}`, `{"labels": {"a": "b"}}`, `{"placement": {"constraints": ["node.role == manager"], "max_replicas_per_node": 1}}`,
	`{"resources": {"limits": {"cpus": "0.5", "memory": "64m", "pids": 10}}}`, `{"resources": {"reservations": {"memory": "32m"}}}`,
	`{"restart_policy": {"condition": "on-failure", "delay": "1s"}}`, `{"restart_policy": {"condition": "any"}}`,
	`{"update_config": {"parallelism": 2, "order": "start-first"}}`, `{"rollback_config": {"failure_action": "pause"}}`,
}

// names are what the sections of a document may have entries for.
var names = map[string][]string{
	"services": {"base", "cache", "db", "web"}, "networks": {"default", "front", "back", "theirs"}, "volumes": {"data", "theirs"},
	"secrets": {"one", "two"}, "configs": {"one", "two"}, "models": {"small"},
}

// Every attribute of a section has values.
func TestEveryAttributeHasValues(t *testing.T) {
	for _, a := range loader.Attributes() {
		path := strings.Split(a.Path, ".")
		if len(path) < 3 || path[1] != "*" {
			continue
		}
		if _, known := values[path[0]]; known && len(values[path[0]][path[2]]) == 0 {
			t.Errorf("no values for %s", a.Path)
		}
	}
}

// document draws the tree of a Compose file.
func document(t *rapid.T) map[string]any {
	doc := map[string]any{}
	for _, section := range slices.Sorted(maps.Keys(names)) {
		entries := map[string]any{}
		for _, name := range names[section] {
			if section != "services" || rapid.IntRange(0, 3).Draw(t, name) > 0 {
				entries[name] = entry(t, section, map[string]any{})
			}
		}
		doc[section] = entries
	}
	return doc
}

// entry draws attributes over those of an entry.
func entry(t *rapid.T, section string, over map[string]any) map[string]any {
	all := slices.Sorted(maps.Keys(values[section]))
	if _, has := over["image"]; section == "services" && !has {
		over["image"] = "img:0"
	}
	for range rapid.IntRange(0, 5).Draw(t, section) {
		name := rapid.SampledFrom(all).Draw(t, "attribute")
		var value any
		if err := json.Unmarshal([]byte(rapid.SampledFrom(values[section][name]).Draw(t, name)), &value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		over[name] = value
	}
	return over
}

// edited returns another document: with some entries drawn over, and some gone.
func edited(t *rapid.T, doc map[string]any) map[string]any {
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for _, section := range slices.Sorted(maps.Keys(out)) {
		entries, _ := out[section].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			have, _ := entries[name].(map[string]any)
			switch rapid.IntRange(0, 5).Draw(t, "edit") {
			case 0:
				delete(entries, name)
			case 1, 2:
				if have != nil {
					entries[name] = entry(t, section, have)
				}
			}
		}
	}
	return out
}
