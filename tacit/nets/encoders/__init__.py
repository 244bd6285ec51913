"""Encoders of samples, one file each."""
