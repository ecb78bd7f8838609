"""Types of fields: addresses, selectors, numbers, and how they are written."""
