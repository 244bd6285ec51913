"""Torch bricks: encoders."""
