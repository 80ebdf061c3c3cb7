"""What verdicts add up to: weights, fields, gaps, totals, owners, hops, bill, questions, plan."""
