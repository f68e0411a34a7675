"""What the HTTP services share: problems, authentication, correlation ids, health."""
