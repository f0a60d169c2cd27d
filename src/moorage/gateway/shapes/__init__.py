"""Shapes of requests and answers: from what clients send to what engines read, and back. Pure functions over JSON values."""
