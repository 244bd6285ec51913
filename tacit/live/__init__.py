"""The fast path: events in, insights out."""
