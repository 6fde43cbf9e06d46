"""Composing e-mails, and delivering them."""
