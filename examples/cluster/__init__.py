"""A cluster of the embedded Valkey on one machine, and work that outlives one of its servers."""
