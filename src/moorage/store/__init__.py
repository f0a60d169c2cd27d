"""What must survive: SQLite is the truth, files hold originals and pictures, the search index is derived and can be rebuilt."""
