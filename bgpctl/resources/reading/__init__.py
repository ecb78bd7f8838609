"""From text to resources, with a problem for everything that is wrong."""
