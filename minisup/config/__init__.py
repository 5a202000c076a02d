"""The configuration: `load.load` reads it, `schema` says what there is, `reload_plan` what a change of it would do."""
