"""Forms that unlabelled data comes in, one file each."""
