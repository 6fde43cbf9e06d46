"""Orders by click."""
