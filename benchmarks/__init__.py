"""Benchmarks: each row of a table is measured in the same run as the row that it is compared with."""
