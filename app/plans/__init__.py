"""Compiled execution: an operation that comes again is planned once, and then answered without looking at its text."""
