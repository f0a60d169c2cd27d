"""The gateway described in OpenAPI's words. Loaded only when somebody asks for it."""
