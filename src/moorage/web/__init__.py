"""The HTTP faces: pages, the API, an OpenAI-compatible address, Dify's external knowledge. Parse, one call, show."""
