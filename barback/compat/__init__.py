"""Living with stock Dramatiq: on the same queues, and under its names."""
