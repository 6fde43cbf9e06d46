"""What happens when workers die, and to the messages that they held."""
