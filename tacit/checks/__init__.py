"""Looks at the data before learning: what is broken, doubled, skewed or odd."""
