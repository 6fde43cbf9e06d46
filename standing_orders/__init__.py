"""Runs the standing orders of the books: ``scheduler.py`` is its command line."""
