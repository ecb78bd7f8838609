"""What both ends agreed on and what a route must remember of its sender; it imports messages' plan and wire only."""
