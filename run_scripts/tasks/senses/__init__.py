"""What is measured of senses across languages: SENSIA's analyses, as pure functions of vectors and weights."""
