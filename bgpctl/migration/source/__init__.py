"""What the sources are made of: texts to keys and documents, what each key is, and values read strictly."""
