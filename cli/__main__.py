"""The command line's entry point: registers every command."""

from cli import dead, demo, desk, evaluate, keys, run, settings, submit, tickets, train
from cli.app import new_app

PEOPLE, OPERATING, LEARNING = "Tickets and people", "Operating", "Knowledge and model"

app = new_app("[bold]Helpdesk[/]: support tickets, answered with sources or handed to a person with the reason.")

for command in (
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
):
    app.command(rich_help_panel=PEOPLE)(command)
app.command(rich_help_panel=OPERATING)(demo.demo)
app.command(rich_help_panel=OPERATING)(run.run)
app.add_typer(settings.app, name="settings", rich_help_panel=OPERATING)
app.add_typer(dead.app, name="dead", rich_help_panel=OPERATING)
app.add_typer(keys.app, name="keys", rich_help_panel=OPERATING)
for command in (train.train, evaluate.evaluate):
    app.command(rich_help_panel=LEARNING)(command)


def main() -> None:
    """Run one command."""
    app(prog_name="helpdesk")


if __name__ == "__main__":
    main()
