"""Recordings that come with the package: real telemetry, with the faults that were made."""
