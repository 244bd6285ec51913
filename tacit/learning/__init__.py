"""The slow path: gradient descent over pretext tasks, in another process."""
