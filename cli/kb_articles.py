"""`helpdesk kb add | edit | remove`: single articles, without loading everything anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import kb_report as report
from cli.console import CommandFailed, Json, print_json, stdout
from cli.kb_base import keeping, origin, refusals_shown, standards

if TYPE_CHECKING:
    from helpdesk.knowledge.changes import Change
    from helpdesk.knowledge.sources import Sources
    from helpdesk.ports.knowledge import Article

Reason = Annotated[str, typer.Option(help="Why, for the record.")]


def add_articles(
    files: Annotated[
        list[Path],
        typer.Argument(help="Files with one or more articles: .md, .html, .csv, .jsonl.", show_default=False),
    ],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Add articles to those that are there."""
    from helpdesk.knowledge.checking import make_articles
    from helpdesk.knowledge.reading import read_path
    from helpdesk.knowledge.sources import Sources

    rules = standards()
    checked = make_articles(sum((read_path(file) for file in files), Sources()), rules)
    with refusals_shown(as_json=as_json), keeping() as base:
        change = base.add(checked, origin(", ".join(str(file) for file in files), reason), rules)
    _show(change, as_json=as_json)


def edit_article(
    article_id: Annotated[str, typer.Argument(help="Which article.", show_default=False)],
    file: Annotated[Path | None, typer.Option(help="Take all of it from this file.", show_default=False)] = None,
    title: Annotated[str | None, typer.Option(help="A new title.", show_default=False)] = None,
    question: Annotated[str | None, typer.Option(help="A new question.", show_default=False)] = None,
    intent: Annotated[str | None, typer.Option(help="Another intent.", show_default=False)] = None,
    updated: Annotated[str | None, typer.Option(help="Another date.", show_default=False)] = None,
    body: Annotated[str | None, typer.Option(help="A new text, in Markdown.", show_default=False)] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Change an article: in your editor, or the fields that options name."""
    from helpdesk.knowledge.checking import make_articles
    from helpdesk.knowledge.compiling import changed_fields
    from helpdesk.knowledge.reading import read_path

    rules = standards()
    options = {"title": title, "question": question, "intent": intent, "updated": updated, "body": body}
    given = {name: value for name, value in options.items() if value is not None}
    if file is not None and given:
        raise typer.BadParameter("give --file or single fields")
    with refusals_shown(as_json=as_json), keeping() as base:
        before = base.article(article_id)
        if file is not None:
            sources = read_path(file)
        elif given:
            sources = changed_fields(before, given)
        else:
            sources = _edited(before)
        checked = make_articles(sources, rules)
        names = [article.article_id for article in checked.articles]
        if checked.usable and names != [article_id]:
            raise CommandFailed(f"The text is of {', '.join(names)}, not of {article_id}; an id cannot be changed.")
        change = base.edit(checked, origin(str(file or ""), reason), rules, expected=before)
    _show(change, as_json=as_json)


def remove_articles(
    article_ids: Annotated[list[str], typer.Argument(help="Which articles.", show_default=False)],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Remove articles; refused while another one links to them."""
    with refusals_shown(as_json=as_json), keeping() as base:
        change = base.remove(article_ids, origin("", reason), standards())
    _show(change, as_json=as_json)


def _edited(article: "Article") -> "Sources":
    """Return what the user made of the article in an editor."""
    import click

    from helpdesk.knowledge.page_markdown import as_markdown, read_markdown

    try:
        text = click.edit(as_markdown(article), extension=".md")
    except click.ClickException as error:
        raise CommandFailed(f"{error.message} Set EDITOR, or name fields, as in --body.") from error
    if text is None:
        raise CommandFailed("Nothing was saved in the editor; the article stays as it is.")
    return read_markdown(f"{article.article_id}.md", text.encode())


def _show(change: "Change", *, as_json: bool) -> None:
    if as_json:
        print_json(report.change_document(change))
    else:
        report.print_change(stdout(), change)
