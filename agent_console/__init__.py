"""The desk: pages for agents, leads, operators and ML engineers, rendered on the server."""
