"""What is replaced inside Dramatiq for speed, each with the reason."""
