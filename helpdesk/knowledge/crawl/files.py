"""Crawled articles as files: a folder of Markdown, one file per article, or one file of JSON Lines."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from helpdesk.errors import InvalidData
from helpdesk.knowledge.compiling import as_fields, compile_articles
from helpdesk.knowledge.crawl.page_articles import TAG
from helpdesk.knowledge.page_markdown import as_markdown
from helpdesk.knowledge.reading import read_path
from helpdesk.knowledge.standards import Standards
from helpdesk.ports.knowledge import Article

LINES = ".jsonl"


class ArticleFiles:
    """What an earlier crawl has written at a path, and what a new one makes of it.

    Args:
        path: a folder, or a file with the ending ``.jsonl``; neither has to be there yet.

    Raises:
        InvalidData: what is there cannot be read, or was not written by a crawl and would be lost.
    """

    def __init__(self, path: Path, standards: Standards) -> None:
        self._path, self._is_folder = path, path.suffix != LINES
        if path.exists() and path.is_dir() != self._is_folder:
            remedy = f"name a folder, or a file that ends with {LINES}"
            raise InvalidData("is no folder" if self._is_folder else "is a folder", field=str(path), remedy=remedy)
        self._files: dict[str, Path] = {}
        self._articles: dict[str, Article] = {}
        if not any(file.is_file() and not file.name.startswith(".") for file in (path, *path.rglob("*"))):
            return
        compiled, findings = compile_articles(read_path(path).articles, standards)
        if findings:
            first = findings[0]
            raise InvalidData(first.problem, field=f"{path}: {first.where}", remedy=first.remedy)
        for item in compiled:
            self._articles[item.article.article_id] = item.article
            self._files[item.article.article_id] = path / item.where
        foreign = next((name for name, article in self._articles.items() if TAG not in article.tags), None)
        if foreign is not None and not self._is_folder:
            raise InvalidData(
                f"holds {foreign}, which no crawl has written", field=str(path), remedy="name another file"
            )

    @property
    def articles(self) -> list[Article]:
        """The articles that are there."""
        return list(self._articles.values())

    def write(self, articles: Sequence[Article], gone: Collection[str]) -> None:
        """Write these articles, and remove others; a file that says the same already stays untouched."""
        new = {article.article_id: article for article in articles if self._articles.get(article.article_id) != article}
        if not self._is_folder:
            if new or gone:
                self._write_lines({**self._articles, **new}, gone)
            return
        self._path.mkdir(parents=True, exist_ok=True)
        for name, article in new.items():
            file = self._files.get(name, self._path / f"{name}.md")
            _write(file if file.suffix == ".md" else self._path / f"{name}.md", as_markdown(article))
        for name in gone:
            self._files[name].unlink(missing_ok=True)

    def _write_lines(self, articles: Mapping[str, Article], gone: Collection[str]) -> None:
        rows = (dict(as_fields(article)) for name, article in sorted(articles.items()) if name not in gone)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _write(self._path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _write(path: Path, text: str) -> None:
    """Write a file so that it is never seen half written."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
