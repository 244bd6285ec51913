"""One file per pretext task."""
