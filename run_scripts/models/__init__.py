"""What a run starts from: models, adapters and tokenizers, read from files without believing them, or new."""
