"""What people see of the results: Markdown and charts."""
