"""How the Kubernetes API is spoken: access, requests, and following of what a role may see. Datastore, controller and
agent use it; no rule of BGP is in it."""
