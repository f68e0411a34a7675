"""The decision policy: its rules, the pure decision under them, its versions, and what another policy would do."""
