"""The lesson: the same orders on one queue and on two, run and drawn."""
