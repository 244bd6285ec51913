"""Raw bytes and values to arrays, without torch."""
