"""The lesson, live: the same orders at a bar with one queue and at one with two."""
