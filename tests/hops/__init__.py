"""Facts of joining inputs: links, borders, bills, owners, questions, the plan."""
