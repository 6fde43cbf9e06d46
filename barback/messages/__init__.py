"""Messages as bytes, and as what a worker holds."""
