"""Command line and Python interface: a wish becomes a system."""
