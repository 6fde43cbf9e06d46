"""Accounts: signing up, logging in, and passwords that were forgotten."""
