"""Where insights go; the folder is the list."""
