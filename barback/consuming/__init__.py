"""The worker's side: waiting, fetching, prefetching and acknowledging."""
