"""Standing orders: reading and writing schedules, and running them."""
