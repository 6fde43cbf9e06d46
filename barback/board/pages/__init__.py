"""What each page shows, and what can be done on it."""
