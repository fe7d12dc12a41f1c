"""The read graph: an allow-list of nodes over the same services."""
