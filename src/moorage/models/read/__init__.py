"""What a model's own files say about it. Headers and settings are read, weights never; nothing in a file is run."""
