"""How the queues and their workers are."""
