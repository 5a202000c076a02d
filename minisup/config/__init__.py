"""The configuration: `load.load` reads it, `schema` says what there is, `explain` says what it will do."""
