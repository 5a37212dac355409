package project

import "testing"

func TestNamesAreMadeOfTheServiceOrGiven(t *testing.T) {
	service := Service{Name: "web", Template: Container{Project: "shop", Service: "web"}}
	old := service
	old.Separator = OldSeparator
	given := service
	given.Template.Name = "front_1"
	for _, test := range []struct {
		of              Service
		name, separator string
		derived         bool
	}{
		{service, "shop-web-2", "-", true},
		{old, "shop_web_2", "_", true},
		{given, "front_1", "", false},
	} {
		c := test.of.Container(2)
		separator, derived := c.DerivedName()
		if c.Name != test.name || separator != test.separator || derived != test.derived {
			t.Errorf("%q, %q, %v; want %q, %q, %v", c.Name, separator, derived, test.name, test.separator, test.derived)
		}
		if one := test.of.Container(1); one.Hash() != c.Hash() {
			t.Errorf("%s and %s have other hashes", one.Name, c.Name)
		}
	}
}
