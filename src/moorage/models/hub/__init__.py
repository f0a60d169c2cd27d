"""Fetching models from where they are published, through the official libraries of each place."""
