"""Pipeline: tickets per second from accepted to decided and recorded, beside the same job on other frameworks."""
