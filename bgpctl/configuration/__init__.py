"""Options, each declared once: as the annotated field of a frozen value, from which everything else follows.

`option` is a declaration, `read` makes the value (option over environment over file over default), `file`
reads the YAML of --config, `page` writes the tables of docs. `compile_options` are those that decide about plans, for
the agent and for every command that compiles.
"""
