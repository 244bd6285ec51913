"""Views of samples, one file a modality."""
