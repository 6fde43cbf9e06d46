"""How fast Barback and other task queues are, measured by running them."""
