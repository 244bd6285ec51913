"""What the rooms agree on: one file per idea. Imports nothing of ours."""
