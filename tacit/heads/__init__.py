"""The statistics: updated with every event, plain arrays, no torch."""
