"""The command line: one file per command group, one adapter among others onto the same services."""
