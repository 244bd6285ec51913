"""Ways to judge an encoder, one a file."""
