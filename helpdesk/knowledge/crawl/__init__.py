"""Reads help pages from the web into articles: politely, within limits, and from public addresses only.

``crawler`` visits pages through ``fetching``, which asks ``robots`` first and connects through ``connection``;
``page_articles`` makes raw articles of a page; ``merging`` says what that changes in a knowledge base.
"""
