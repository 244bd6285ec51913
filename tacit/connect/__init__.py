"""The outside world: sources, formats, sinks."""
