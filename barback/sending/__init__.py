"""Enqueueing, one message or many."""
