"""The gateway: one OpenAI-compatible door before every model. It knows addresses, not processes."""
