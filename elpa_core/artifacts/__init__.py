"""What training leaves: the error artifact of a model, and the files that are kept with it."""
