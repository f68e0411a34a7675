"""What every service of Helpdesk shares: the domain, its ports and their adapters."""
