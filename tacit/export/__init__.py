"""From torch to what the live path runs, held to it by parity."""
