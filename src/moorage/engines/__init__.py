"""What is known about model servers: their flags by version, their commands, and why they fail. Starts nothing."""
