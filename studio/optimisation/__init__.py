"""What trainings share: the average of the weights, and their state in a file."""
