"""The command line's entry point: registers every command."""

from collections.abc import Callable, Mapping, Sequence

from cli import (
    corrections,
    dead,
    demo,
    desk,
    drift,
    evaluate,
    kb,
    keys,
    models,
    people,
    policy,
    replay,
    results,
    run,
    settings,
    sla,
    submit,
    tickets,
    train,
)
from cli.app import new_app

START, PEOPLE, OPERATING, LEARNING = "Start here", "Tickets and people", "Operating", "Knowledge and model"
COMMANDS: Mapping[str, Sequence[Callable[..., None]]] = {
    START: (demo.demo, run.run),
    PEOPLE: (
        submit.submit,
        tickets.show,
        tickets.tickets,
        desk.queues,
        desk.claim,
        desk.release,
        desk.transfer,
        desk.reply,
        desk.resolve,
        desk.reopen,
        desk.correct,
        desk.mark_wrong,
        results.results,
    ),
    OPERATING: (replay.replay,),
    LEARNING: (train.train, drift.drift),
}
GROUPS = {
    "evaluate": (evaluate.app, LEARNING),
    "models": (models.app, LEARNING),
    "corrections": (corrections.app, LEARNING),
    "kb": (kb.app, LEARNING),
    "policy": (policy.app, OPERATING),
    "dead": (dead.app, OPERATING),
    "keys": (keys.app, OPERATING),
    "people": (people.app, OPERATING),
    "sla": (sla.app, OPERATING),
    "settings": (settings.app, OPERATING),
}

app = new_app("[bold]Helpdesk[/]: support tickets, answered with sources or handed to a person with the reason.")
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
for name, (group, panel) in GROUPS.items():
    app.add_typer(group, name=name, rich_help_panel=panel)


def main() -> None:
    """Run one command."""
    app(prog_name="helpdesk")


if __name__ == "__main__":
    main()
