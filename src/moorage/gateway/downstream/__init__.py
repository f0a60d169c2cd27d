"""The clients' side of the gateway: HTTP/1.1 as they speak it, ASGI towards the application."""
