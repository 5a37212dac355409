package project_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/gocompose/gocompose/project"
)

func TestAHealthCheckIsTheServicesThenTheImagesThenDockersDefaults(t *testing.T) {
	type check = project.Healthcheck
	image := &check{
		Test: []string{"CMD", "image"}, Interval: time.Second, Timeout: 2 * time.Second,
		StartPeriod: 3 * time.Second, StartInterval: 4 * time.Second, Retries: 5,
	}
	own := &check{
		Test: []string{"CMD", "own"}, Interval: time.Minute, Timeout: 2 * time.Minute,
		StartPeriod: 3 * time.Minute, StartInterval: 4 * time.Minute, Retries: 6,
	}
	none := &check{Test: []string{"NONE"}}
	onlyTest := &check{Test: []string{"CMD-SHELL", "own"}}
	defaults := check{
		Test: onlyTest.Test, Interval: 30 * time.Second, Timeout: 30 * time.Second,
		StartInterval: 5 * time.Second, Retries: 3,
	}
	mixed := *image
	mixed.Test, mixed.Retries = own.Test, 6
	timesOnly := *image
	timesOnly.Interval = time.Minute
	for name, c := range map[string]struct{ service, image, want *check }{
		"nothing":                 {nil, nil, nil},
		"the image's alone":       {nil, image, image},
		"the service's alone":     {onlyTest, nil, &defaults},
		"all of the service's":    {own, image, own},
		"field by field":          {&check{Test: own.Test, Retries: 6}, image, &mixed},
		"the image's test":        {&check{Interval: time.Minute}, image, &timesOnly},
		"times without a test":    {&check{Interval: time.Minute}, nil, nil},
		"none by the service":     {none, image, nil},
		"none by the image":       {&check{Interval: time.Minute}, none, nil},
		"a test above none":       {onlyTest, none, &defaults},
		"an empty one":            {&check{}, image, image},
		"an empty one with empty": {&check{}, &check{}, nil},
	} {
		if got := project.EffectiveHealthcheck(c.service, c.image); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestAHealthCheckSharesNothingWithWhatItIsMadeOf(t *testing.T) {
	service := &project.Healthcheck{Test: []string{"CMD", "a"}}
	project.EffectiveHealthcheck(service, nil).Test[1] = "b"
	if service.Test[1] != "a" {
		t.Error("the service's test is changed through the result")
	}
}
