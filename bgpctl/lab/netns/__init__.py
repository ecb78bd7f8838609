"""Network namespaces, links and processes of a lab."""
