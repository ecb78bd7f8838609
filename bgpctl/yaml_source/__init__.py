"""YAML text as values that know their file, line and `$.path`: for resources, labs and configuration files."""
