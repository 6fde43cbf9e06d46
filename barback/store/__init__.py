"""What lies in Redis: the keys, and the scripts that read and write them."""
