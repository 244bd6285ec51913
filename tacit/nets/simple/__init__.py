"""Simple features of each modality: one file each."""
