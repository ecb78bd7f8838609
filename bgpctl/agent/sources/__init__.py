"""Where an agent's plan comes from: resources that it compiles itself, or the NodePlan that a controller writes."""
