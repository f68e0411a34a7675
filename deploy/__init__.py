"""What containers run beside the services: their set-up and their health checks."""
