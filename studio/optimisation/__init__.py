"""What trainings share: the path of the flow, the average of the weights, and their state in a file."""
