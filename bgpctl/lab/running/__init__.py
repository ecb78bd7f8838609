"""A lab's life: up, status, down; agents and speakers started from warm processes."""
