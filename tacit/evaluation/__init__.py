"""Is it better, and how sure: comparisons with intervals."""
