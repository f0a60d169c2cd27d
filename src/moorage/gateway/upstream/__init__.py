"""How a model server is asked: one small interface, and our own HTTP/1.1 client behind it."""
