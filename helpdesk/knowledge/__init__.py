"""Keeps the knowledge base: sources are read, made articles, checked, stored as versions, and put into force.

Every source takes the same way, whether a file, a request or a page: ``reading`` makes raw articles of bytes,
``compiling`` makes articles of those, ``checking`` says what is wrong with the whole, and ``base`` changes what is in
force.
"""
