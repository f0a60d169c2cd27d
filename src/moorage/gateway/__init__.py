"""One OpenAI-compatible door for every model of the team."""
