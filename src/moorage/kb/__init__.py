"""From documents to cited answers: read, parse, split, index; find, assemble, answer, cite. Each stage is a plain function."""
