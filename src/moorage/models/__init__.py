"""Clients of model servers: what writes an answer and what turns text into vectors. Knows addresses, not processes."""
