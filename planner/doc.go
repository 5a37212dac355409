// Package planner decides. Given what is wanted and what is there it returns a
// Plan: the operations that lead from one to the other, what each waits for,
// and why each is needed. It does no input or output, reads no clock, and asks
// nobody anything; the same arguments always give the same plan.
package planner
