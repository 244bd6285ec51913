"""Where events come from; the folder is the list."""
