"""What is desired against what is observed, without any I/O."""
