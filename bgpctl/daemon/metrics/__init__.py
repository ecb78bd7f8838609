"""What a metric is, and how rows become families of Prometheus."""
