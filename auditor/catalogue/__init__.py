"""What is known before any input is read: words, fields, profiles, rules, recipes, samples, prices."""
