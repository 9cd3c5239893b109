"""What models make of text: losses, perplexity, senses, and the answers to lm-eval's questions."""
