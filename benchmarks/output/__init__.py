"""What people see of the results: a terminal table, Markdown and a chart."""
