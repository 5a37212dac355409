// Package depcheck holds the import rules of ARCHITECTURE.md as a test.
package depcheck
