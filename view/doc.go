// Package view shows plans, progress, tables and log lines, to people and to
// programs. It decides nothing.
package view
