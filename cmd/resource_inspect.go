package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// printResources prints what docker inspect of networks and volumes does: an
// array, in lines unless the format is json, or a template for each.
func printResources[T any](w io.Writer, r rows, format string, all []T) error {
	if r.template == nil {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		if format == "" {
			enc.SetIndent("", "    ")
		}
		return enc.Encode(all)
	}
	for _, one := range all {
		if err := resourceLine(w, r, one); err != nil {
			return err
		}
	}
	return nil
}

// resourceLine writes the template. Fields have the names that docker's program has
// for them, else those of its JSON: {{.ID}}, {{.Id}}.
func resourceLine(w io.Writer, r rows, one any) error {
	var out bytes.Buffer
	err := r.line(&out, one)
	if err != nil {
		text, jerr := json.Marshal(one)
		var raw map[string]any
		if jerr = errors.Join(jerr, json.Unmarshal(text, &raw)); jerr != nil {
			return jerr
		}
		out.Reset()
		if r.line(&out, raw) != nil {
			return err
		}
	}
	_, err = out.WriteTo(w)
	return err
}
