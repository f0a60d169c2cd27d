"""One OpenAI-compatible door for every model: relayed faithfully, shared fairly, refused clearly. It knows addresses, not processes."""
