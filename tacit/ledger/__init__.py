"""Results: every number with its split, seeds, baseline and interval; cards and reports are queries on it."""
