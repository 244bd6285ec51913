"""How bytes become rows; the folder is the list."""
