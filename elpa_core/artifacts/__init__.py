"""The files that a training command writes: the error artifact, and the files to keep with the run."""
