"""From completed resources to the plan that they ask for, or to the problems that forbid one."""
