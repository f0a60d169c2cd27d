"""vLLM's command line: which flags a version has, what a pasted command means, and the same command for another version."""
