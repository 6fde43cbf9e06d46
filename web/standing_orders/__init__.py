"""Standing orders: made, listed, cancelled."""
